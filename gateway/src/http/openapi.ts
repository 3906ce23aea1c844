/** The operations, told as an OpenAPI 3.1 document. Made when somebody asks for the first time, from the schemas that validate and serialise. */
import { z } from 'zod'
import type { ErrorAnswer, Operation, SocketOperation } from './operation.ts'

type Json = { [key: string]: unknown }

export interface Described {
  operations: readonly Operation[]
  sockets: readonly SocketOperation[]
  baseUrl: string
  version: string
}

export const openApiDocument = ({ operations, sockets, baseUrl, version }: Described): Json => {
  const paths: Record<string, Json> = {}
  const place = (path: string, method: string, description: Json) => {
    const template = path.replace(/:(\w+)/g, '{$1}')
    paths[template] = { ...paths[template], [method]: description }
  }
  for (const operation of operations) place(operation.path, operation.method.toLowerCase(), describeOperation(operation))
  for (const socket of sockets) place(socket.path, 'get', describeSocket(socket))
  return {
    openapi: '3.1.0',
    info: { title: 'RyzeAPI, self-hosted', version, description: about },
    servers: [{ url: baseUrl }],
    tags: [...new Set([...operations, ...sockets].map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'token', description: 'TokenAccount or TokenInstance' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same token as `Authorization: Bearer`' },
        adminToken: { type: 'apiKey', in: 'header', name: 'token', description: 'ADMIN_TOKEN of the server' },
      },
      schemas: { Error: errorSchema },
    },
  }
}

const about = `A multi-tenant WhatsApp gateway. TokenAccount opens an account and all its instances, TokenInstance one instance.

Every error has the same body: \`{"success": false, "error": {"message": "…"}}\`. Requests are limited per token and minute; the headers
\`X-RateLimit-Limit\`, \`X-RateLimit-Remaining\` and \`X-RateLimit-Reset\` (Unix seconds) tell how many are left.`

const errorSchema: Json = {
  type: 'object',
  required: ['success', 'error'],
  properties: {
    success: { const: false },
    error: { type: 'object', required: ['message'], properties: { message: { type: 'string' } } },
  },
}

const idempotencyParameter: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', maxLength: 255 },
  description: 'The request is carried out once however often it is repeated with this key, and is answered alike for 24 hours',
}

const describeOperation = (operation: Operation): Json => {
  const { id, tag, summary, description, path, token, query, body } = operation
  const rules = [tokenRules[token], rateRules[operation.rateLimit]].filter((text) => text !== '').join(' ')
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: [description, rules].filter((text) => text !== undefined && text !== '').join('\n\n'),
    parameters: [
      ...pathParameters(path),
      ...(query === undefined ? [] : queryParameters(query)),
      ...(operation.once ? [idempotencyParameter] : []),
    ],
    ...(body !== undefined && {
      requestBody: { required: !accepts(body, {}), content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, answer]) => [
          status,
          {
            description: Number(status) < 400 ? 'Success' : 'The same body, for a failure',
            ...(operation.rateLimit !== 'none' && { headers: rateHeaders }),
            content: { 'application/json': { schema: schemaOf(answer, 'output') } },
          },
        ]),
      ),
      ...errorResponses([...operation.errors, ...commonErrors(operation)]),
    },
    security: security[token],
  }
}

const describeSocket = ({ id, tag, summary, description, path, query, errors }: SocketOperation): Json => ({
  operationId: id,
  tags: [tag],
  summary,
  description: [description, tokenRules.any, 'Browsers, which can’t set headers here, may send `?token=`.'].filter(Boolean).join('\n\n'),
  parameters: [
    ...pathParameters(path),
    { name: 'token', in: 'query', required: false, schema: { type: 'string' }, description: 'Token, where headers can’t be set' },
    ...(query === undefined ? [] : queryParameters(query)),
  ],
  responses: {
    101: { description: 'Switching to the WebSocket protocol' },
    ...errorResponses([
      ...errors,
      { status: 401, message: 'Missing token in header, Authorization header, or query parameter' },
      ...commonErrors({ token: 'any', rateLimit: 'global', path }).filter(({ message }) => message !== 'Missing token in header'),
    ]),
  },
  security: security.any,
})

const tokenRules = {
  account: 'TokenAccount only.',
  any: 'TokenAccount or TokenInstance.',
  admin: 'ADMIN_TOKEN only; without that setting the route does not exist.',
  none: 'No token.',
} as const

const rateRules = { global: '', create: 'Has a rate limit of its own besides the general one.', none: '' } as const

const security = {
  account: [{ token: [] }, { bearer: [] }],
  any: [{ token: [] }, { bearer: [] }],
  admin: [{ adminToken: [] }, { bearer: [] }],
  none: [],
} as const

const rateHeaders: Json = Object.fromEntries(
  [
    ['X-RateLimit-Limit', 'Requests per minute'],
    ['X-RateLimit-Remaining', 'Requests left in this minute'],
    ['X-RateLimit-Reset', 'Unix seconds at which the counter starts anew'],
  ].map(([name, description]) => [name, { description, schema: { type: 'integer' } }]),
)

/** What a route can answer by what it is, without having to say so. */
const commonErrors = ({
  token,
  rateLimit,
  path,
  body,
  once,
}: Pick<Operation, 'token' | 'rateLimit' | 'path' | 'body' | 'once'>): ErrorAnswer[] => {
  if (token === 'none') return []
  const common: ErrorAnswer[] = [{ status: 401, message: 'Invalid token' }]
  if (token !== 'account') common.unshift({ status: 401, message: 'Missing token in header' })
  if (token !== 'admin') common.push({ status: 403, message: 'Account suspended' })
  if (path.includes(':instance')) {
    common.push({ status: 404, message: 'Instance not found' })
    if (token === 'any') common.push({ status: 403, message: 'Instance token does not match requested instance' })
  }
  if (rateLimit !== 'none') common.push({ status: 429, message: 'Rate limit exceeded. Try again later.' })
  if (body !== undefined) {
    common.push({ status: 400, message: 'Invalid request body: <what>' }, { status: 413, message: 'Request body too large' })
    common.push({ status: 415, message: 'Content-Type must be application/json' })
  }
  if (once) {
    common.push({ status: 409, message: 'A request with this Idempotency-Key is in progress' })
    common.push({ status: 422, message: 'Idempotency-Key was used with a different request' })
  }
  return common
}

const errorResponses = (errors: readonly ErrorAnswer[]): Json =>
  Object.fromEntries(
    [...Map.groupBy(errors, ({ status }) => status)].map(([status, group]) => {
      const texts = [...new Set(group.map(({ message }) => message))]
      const examples = texts.map((message, index) => [`${index + 1}`, { summary: message, value: { success: false, error: { message } } }])
      return [
        status,
        {
          description: texts.map((text) => `\`${text}\``).join(' · '),
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' }, examples: Object.fromEntries(examples) } },
        },
      ]
    }),
  )

const parameterTexts: Readonly<Record<string, string>> = {
  instance: 'Name of the instance, URL-encoded; case-sensitive',
  account: 'Id of the account',
}

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: parameterTexts[name],
    schema: { type: 'string' },
  }))

const queryParameters = (query: z.ZodType): Json[] => {
  const { properties, required } = schemaOf(query, 'input')
  const names = Array.isArray(required) ? required : []
  return Object.entries((properties ?? {}) as Record<string, Json>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: names.includes(name),
    ...(typeof schema.description === 'string' && { description: schema.description }),
    schema,
  }))
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' }) as Json
  return rest
}

const accepts = (schema: z.ZodType, value: unknown): boolean => schema.safeParse(value).success
