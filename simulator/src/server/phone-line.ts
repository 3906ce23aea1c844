/** The line of a phone: the same stanzas and the same desk as for companions, without the Noise transport. */
import type { Device } from '../accounts/account.ts'
import type { Line } from '../accounts/mailbox.ts'
import type { IqDispatcher } from '../iq/dispatcher.ts'
import { IqError, type PhonePort, type Uplink } from '../ports.ts'
import type { TrafficLog } from '../traffic.ts'
import { type BinaryNode, childOf } from '../wire/nodes.ts'
import type { StanzaDesk } from './stanza-desk.ts'

/** Stanzas a phone may hold back while it is offline. */
const OUTBOX_CAPACITY = 1_000

export class PhoneLine implements Uplink {
  /** From the network to the phone, which takes everything at once. */
  readonly #downlink: Line = { backlog: 0, send: (stanza) => this.#hand(stanza) }
  readonly #device: Device
  readonly #desk: StanzaDesk
  readonly #iqs: IqDispatcher
  readonly #traffic: TrafficLog
  readonly #now: () => number
  readonly #outbox: BinaryNode[] = []
  #phone: PhonePort | undefined
  #online = false
  #lastId = 0

  constructor(input: { device: Device; desk: StanzaDesk; iqs: IqDispatcher; traffic: TrafficLog; now: () => number }) {
    this.#device = input.device
    this.#desk = input.desk
    this.#iqs = input.iqs
    this.#traffic = input.traffic
    this.#now = input.now
  }

  get online(): boolean {
    return this.#online
  }

  /** The phone at this end; it is online from now on. */
  connect(phone: PhonePort): void {
    this.#phone = phone
    this.setOnline(true)
  }

  /** What arrives while the phone is offline waits for it. */
  setOnline(online: boolean): void {
    if (online === this.#online) return
    this.#online = online
    if (!online) {
      this.#device.mailbox.detach(this.#downlink)
      return
    }
    this.#device.mailbox.attach(this.#downlink)
    for (const stanza of this.#outbox.splice(0)) this.#submit(stanza)
  }

  send(stanza: BinaryNode): void {
    if (this.#online) this.#submit(stanza)
    else if (this.#outbox.length < OUTBOX_CAPACITY) this.#outbox.push(stanza)
  }

  async query(iq: BinaryNode): Promise<BinaryNode> {
    if (!this.#online) throw new IqError(503, 'the phone is offline')
    this.#lastId += 1
    const stanza = { ...iq, attrs: { ...iq.attrs, id: `P${this.#lastId.toString(16).toUpperCase()}` } }
    this.#record('in', stanza)
    const answer = this.#iqs.answer(this.#device, stanza)
    this.#record('out', answer)
    if (answer.attrs.type !== 'error') return answer
    const { code = '500', text = '' } = childOf(answer, 'error')?.attrs ?? {}
    throw new IqError(Number(code), text)
  }

  #submit(stanza: BinaryNode): void {
    this.#record('in', stanza)
    this.#desk.handle(this.#device, stanza, (answer) => this.#hand(answer))
  }

  #hand(stanza: BinaryNode): void {
    this.#record('out', stanza)
    this.#phone?.receive(stanza)
  }

  #record(direction: 'in' | 'out', stanza: BinaryNode): void {
    this.#traffic.record({ at: this.#now(), direction, phone: this.#device.account.number, device: 0, stanza })
  }
}
