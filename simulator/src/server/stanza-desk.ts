/** What happens to a stanza a device sends, whichever line it came by. */
import type { Device } from '../accounts/account.ts'
import type { IqDispatcher } from '../iq/dispatcher.ts'
import type { Services } from '../services.ts'
import type { BinaryNode } from '../wire/nodes.ts'

export class StanzaDesk {
  readonly #services: Services
  readonly #iqs: IqDispatcher

  constructor(services: Services, iqs: IqDispatcher) {
    this.#services = services
    this.#iqs = iqs
  }

  /** `reply` goes to the sending device at once, past its mailbox. Never throws. */
  handle(device: Device, stanza: BinaryNode, reply: (answer: BinaryNode) => void): void {
    try {
      this.#handle(device, stanza, reply)
    } catch (error) {
      this.#record(device, stanza, error instanceof Error ? error.message : String(error))
    }
  }

  #handle(device: Device, stanza: BinaryNode, reply: (answer: BinaryNode) => void): void {
    const { messages, receipts, calls, presence, newsletterRouter } = this.#services
    switch (stanza.tag) {
      case 'iq':
        // Results and errors answer what the server asked; it asks nothing after the pairing.
        if (stanza.attrs.type === 'get' || stanza.attrs.type === 'set' || stanza.attrs.type === undefined)
          reply(this.#iqs.answer(device, stanza))
        break
      case 'message':
        reply(messages.route(device, stanza))
        break
      case 'receipt':
        device.mailbox.confirm(stanza)
        receipts.route(device, stanza)
        newsletterRouter.view(device, stanza)
        break
      case 'notification':
        receipts.mediaAgain(device, stanza)
        break
      case 'ack':
        device.mailbox.confirm(stanza)
        break
      case 'call':
        reply(calls.route(device, stanza))
        break
      case 'presence':
        presence.presence(device, stanza)
        break
      case 'chatstate':
        presence.chatstate(device, stanza)
        break
      case 'ib':
        // Telemetry and batch hints (`unified_session`, `offline_batch`): nothing to answer.
        break
      default:
        this.#record(device, stanza, `unknown stanza ${stanza.tag}`)
    }
  }

  #record(device: Device, stanza: BinaryNode, reason: string): void {
    const from = { phone: device.account.number, device: device.id }
    this.#services.unanswered.record(stanza, from, this.#services.clock.now(), reason)
  }
}
