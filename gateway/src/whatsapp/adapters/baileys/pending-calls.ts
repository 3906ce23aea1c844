/** Calls of the library that wait for an answer: they fail with the session, and always with an {@link EngineError}. */
import type { BinaryNode, WASocket } from 'baileys'
import { EngineError } from '../../engine.ts'
import { engineErrorOf } from './errors.ts'

const QUERY_TIMEOUT_MS = 20_000

export class PendingCalls {
  readonly #waiting = new Set<(error: EngineError) => void>()
  #ended = false

  async run<T>(call: () => Promise<T>): Promise<T> {
    const waiting = Promise.withResolvers<T>()
    if (this.#ended) throw new EngineError('not-connected', 'the session has ended')
    this.#waiting.add(waiting.reject)
    try {
      call().then(waiting.resolve, waiting.reject)
      return await waiting.promise
    } catch (error) {
      throw engineErrorOf(error)
    } finally {
      this.#waiting.delete(waiting.reject)
    }
  }

  query(socket: WASocket, node: BinaryNode, timeoutMs: number = QUERY_TIMEOUT_MS): Promise<BinaryNode> {
    return this.run(async () => {
      const answer: BinaryNode | undefined = await socket.query(node, timeoutMs)
      if (answer === undefined) throw new EngineError('timeout', 'WhatsApp did not answer')
      return answer
    })
  }

  /** Nothing is waited for any more, and nothing more is begun. */
  end(error: EngineError): void {
    this.#ended = true
    for (const reject of this.#waiting) reject(error)
  }
}
