/**
 * Request bodies: JSON in UTF-8 where the route reads one; what is sent to the others is thrown away. An empty body is no body. Bytes that
 * are no UTF-8 are refused: read as something else they would be another text than the one that was meant.
 */
import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { errors } from './errors.ts'

export const readJsonBodies = (app: FastifyInstance): void => {
  const parse = callbackParser(app)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    if (!request.routeOptions.config.readsBody) done(null, undefined)
    else parse(request, bytes as Buffer, done)
  })
  app.addContentTypeParser('*', (request, payload, done) => {
    const unwanted = !request.routeOptions.config.readsBody
    payload.resume()
    done(unwanted || request.headers['content-length'] === '0' ? null : errors.wrongContentType(), undefined)
  })
}

/** The same for bytes that came another way. Throws 400. */
export const jsonParser = (app: FastifyInstance) => {
  const parse = callbackParser(app)
  return (request: FastifyRequest, bytes: Buffer): Promise<unknown> =>
    new Promise((resolve, reject) => {
      parse(request, bytes, (error, body) => (error === null ? resolve(body) : reject(error)))
    })
}

type Done = (error: Error | null, body?: unknown) => void

const callbackParser = (app: FastifyInstance) => {
  // Keys that would reach a prototype are dropped like all unknown fields.
  const parseJson = app.getDefaultJsonParser('remove', 'remove')
  return (request: FastifyRequest, bytes: Buffer, done: Done): unknown => {
    if (bytes.length === 0) return done(null, undefined)
    if (!isUtf8(bytes)) return done(errors.malformedBody())
    const text = bytes.toString('utf8')
    return parseJson(request, text, (error, body) => {
      if (error !== null) done(errors.malformedBody())
      else done(null, halfPair.test(text) ? wellFormed(body) : body)
    })
  }
}

const halfPair = /\\u[dD][89a-fA-F]/

/**
 * Half a surrogate pair, left by a client that cut a text in the middle of an emoji, becomes U+FFFD as in other JSON readers: neither
 * database nor WhatsApp can hold it. Works in place and without recursion, whatever the depth.
 */
export const wellFormed = (body: unknown): unknown => {
  if (typeof body === 'string') return body.toWellFormed()
  const waiting = [body]
  for (let inside = waiting.pop(); inside !== undefined; inside = waiting.pop()) {
    if (typeof inside !== 'object' || inside === null) continue
    const holder = inside as Record<string, unknown>
    for (const key of Object.keys(holder)) {
      const value = holder[key]
      if (typeof value === 'string') holder[key] = value.toWellFormed()
      else if (typeof value === 'object' && value !== null) waiting.push(value)
    }
  }
  return body
}
