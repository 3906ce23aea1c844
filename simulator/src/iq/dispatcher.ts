/** Finds the handler of a request and wraps its answer. Never throws. */
import type { Device } from '../accounts/account.ts'
import { IqError } from '../ports.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childrenOf, node } from '../wire/nodes.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

export class IqDispatcher {
  readonly #handlers: ReadonlyMap<string, IqHandler>
  readonly #services: Services

  constructor(handlers: readonly IqHandler[], services: Services) {
    this.#handlers = new Map(handlers.map((handler) => [handler.xmlns, handler]))
    if (this.#handlers.size !== handlers.length) throw new Error('two iq handlers for one xmlns')
    this.#services = services
  }

  answer(device: Device, stanza: BinaryNode): BinaryNode {
    try {
      const { xmlns = '', type = '' } = stanza.attrs
      const handler = this.#handlers.get(xmlns)
      if (handler === undefined) throw new NotImplemented(`no handler for xmlns "${xmlns}"`)
      const child = childrenOf(stanza)[0]
      const content = handler.answer({ type, stanza, child, device, account: device.account, services: this.#services })
      return node('iq', { id: stanza.attrs.id, from: stanza.attrs.to, type: 'result' }, content)
    } catch (error) {
      return this.#failure(device, stanza, error)
    }
  }

  #failure(device: Device, stanza: BinaryNode, error: unknown): BinaryNode {
    if (error instanceof IqError) return errorAnswer(stanza, error.code, error.message.replace(`${error.code} `, ''))
    const reason = error instanceof Error ? error.message : String(error)
    const from = { phone: device.account.number, device: device.id }
    this.#services.unanswered.record(stanza, from, this.#services.clock.now(), reason)
    if (error instanceof NotImplemented) return errorAnswer(stanza, 501, 'feature-not-implemented')
    return errorAnswer(stanza, 500, 'internal-server-error')
  }
}

export function errorAnswer(stanza: BinaryNode, code: number, text: string): BinaryNode {
  return node('iq', { id: stanza.attrs.id, from: stanza.attrs.to, type: 'error' }, [node('error', { code: String(code), text })])
}
