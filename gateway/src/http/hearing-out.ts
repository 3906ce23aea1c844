/**
 * Refusals while the body is still on its way. Closing the connection at once would reset it under the hands of a client that is writing, and
 * most never read the answer then: the rest is taken and thrown away for a while, as servers do that "linger" (RFC 9112, 9.6).
 */
import type { FastifyInstance } from 'fastify'

/** After that the connection is cut: whoever sends for longer is not listening. */
const PATIENCE_MS = 10_000

export const hearOut = (app: FastifyInstance, patienceMs = PATIENCE_MS): void => {
  app.addHook('onSend', (request, reply, payload, done) => {
    const { raw } = request
    if (!raw.complete && reply.statusCode >= 400) {
      // Fastify's own wish; with it Node ends the connection when the answer is written, and without it reads on.
      reply.removeHeader('connection')
      raw.resume()
      const impatience = setTimeout(() => raw.destroy(), patienceMs).unref()
      raw.once('close', () => clearTimeout(impatience))
    }
    done(null, payload)
  })
}
