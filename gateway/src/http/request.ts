/** The request as a handler sees it. A class so that the signal is only made when somebody asks, and nothing is made per request. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { HandedRequest, Scope } from './operation.ts'

export class HandledRequest implements HandedRequest {
  readonly scope: Scope | null
  readonly query: unknown
  readonly body: unknown
  readonly seed: string | null
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  #signal: AbortSignal | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, query: unknown, body: unknown, seed: string | null = null) {
    this.scope = request.scope
    this.query = query
    this.body = body
    this.seed = seed
    this.#request = request
    this.#reply = reply
  }

  get params(): Readonly<Record<string, string>> {
    return this.#request.params as Record<string, string>
  }

  get headers(): HandedRequest['headers'] {
    return this.#request.headers
  }

  /** The answer's stream closes both after it was sent and when the client is gone; only the latter aborts. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController()
      const response = this.#reply.raw
      if (response.destroyed) controller.abort()
      else response.once('close', () => response.writableFinished || controller.abort())
      this.#signal = controller.signal
    }
    return this.#signal
  }
}
