/** `/openapi.json`, and `/docs`: Swagger UI from the installed package, nothing from elsewhere. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { errors } from './errors.ts'
import { type Described, openApiDocument } from './openapi.ts'

export const documentationPages =
  (described: Described) =>
  (app: FastifyInstance): void => {
    /** Both are made or read on the first visit: most gateways never show them. */
    let document: string | undefined
    const files = new Map<string, Promise<Buffer>>()

    app.get('/openapi.json', async (_request, reply) => {
      document ??= JSON.stringify(openApiDocument(described))
      return reply.type('application/json; charset=utf-8').send(document)
    })
    app.get('/docs', async (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', policy)
        .header('x-content-type-options', 'nosniff')
        .send(html),
    )
    app.get<{ Params: { file: string } }>('/docs/:file', async (request, reply) => {
      const { file } = request.params
      if (file === 'start.js') return reply.type(types.js).send(start)
      if (!assets.has(file)) throw errors.notFound()
      const content = files.get(file) ?? readFile(join(folder(), file))
      files.set(file, content)
      return reply
        .type(types[file.split('.').at(-1) ?? ''] ?? types.js)
        .header('cache-control', 'public, max-age=3600')
        .send(await content)
    })
  }

const assets = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'])

const types: Readonly<Record<string, string>> & { js: string } = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  png: 'image/png',
}

const folder = () => join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')

/** Swagger UI sets style attributes; scripts come from here only. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>RyzeAPI, self-hosted</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`

const start = `window.ui = SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true, docExpansion: 'none', filter: true })
`
