/**
 * Browsers. An account lists the origins whose pages may read its answers; nothing is allowed by default, and cookies never.
 *
 * A preflight carries no token, so it can't be answered for one account: it passes when any account lists the origin. The answer to the
 * real request then follows the list of the account that owns the token. Answers before the account is known (401, 429 for strangers)
 * follow the preflight's rule, so that a page can read why it was refused. Routes without a token take no part.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

export const corsMethods = 'GET, POST, PUT, DELETE, OPTIONS'
export const corsHeaders = 'Content-Type, Authorization, token, Idempotency-Key'
const exposed = 'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset'

export const allowsOrigin = (allowed: readonly string[], origin: string): boolean => allowed.includes('*') || allowed.includes(origin)

export type Greet = (request: FastifyRequest, reply: FastifyReply) => void

/** What every answer gets before the account is known. */
export const greetBrowsers =
  (accounts: { anyAllowsOrigin(origin: string): boolean }): Greet =>
  (request, reply) => {
    const { origin } = request.headers
    reply.header('vary', 'Origin')
    if (origin !== undefined && accounts.anyAllowsOrigin(origin)) markReadable(reply, origin, true)
  }

/** Lets the page of `origin` read this answer, or takes that back. */
export const markReadable = (reply: FastifyReply, origin: string, readable: boolean): void => {
  if (readable) reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', exposed)
  else reply.removeHeader('access-control-allow-origin').removeHeader('access-control-expose-headers')
}

export const answerPreflight = (reply: FastifyReply, methods: string): FastifyReply => {
  if (reply.hasHeader('access-control-allow-origin')) {
    reply.removeHeader('access-control-expose-headers')
    reply.header('access-control-allow-methods', corsMethods).header('access-control-allow-headers', corsHeaders)
    reply.header('access-control-max-age', '600')
  }
  return reply.code(204).header('allow', methods).send()
}
