/** A companion that has logged in: greeting, the queue that waited for it, its stanzas, and all the ways it can end. */
import type { Device, DeviceConnection } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, node, SERVER_JID } from '../wire/nodes.ts'
import type { CompanionLine } from './companion-line.ts'
import type { Session } from './connection.ts'
import type { StanzaDesk } from './stanza-desk.ts'

const ROUTING_INFO_BYTES = 8

export class CompanionSession implements Session, DeviceConnection {
  readonly #device: Device
  readonly #line: CompanionLine
  readonly #services: Services
  readonly #desk: StanzaDesk
  readonly #ended: (session: CompanionSession) => void
  /** Called when the device has become active for the first time since it was linked. */
  readonly #introduced: (device: Device) => void
  #active = false

  constructor(input: {
    device: Device
    line: CompanionLine
    services: Services
    desk: StanzaDesk
    ended: (session: CompanionSession) => void
    introduced: (device: Device) => void
  }) {
    this.#device = input.device
    this.#line = input.line
    this.#services = input.services
    this.#desk = input.desk
    this.#ended = input.ended
    this.#introduced = input.introduced
    this.#line.onStanza((stanza) => this.#desk.handle(this.#device, stanza, (answer) => this.#line.send(answer)))
  }

  get line(): CompanionLine {
    return this.#line
  }

  /** Takes the device over and greets it. */
  start(input: { passive: boolean }): void {
    this.#device.connection?.replace()
    this.#device.connection = this
    const { account } = this.#device
    const { clock, seed } = this.#services
    this.#line.send(
      node('success', {
        t: String(unixSeconds(clock)),
        lid: this.#device.jid('lid'),
        display_name: account.name || undefined,
        props: '27',
        companion_enc_static: seed.secret(`companion static ${account.number}`).toString('base64'),
        location: 'sim',
      }),
    )
    const routing = seed.secret(`edge route ${account.number}`).subarray(0, ROUTING_INFO_BYTES)
    this.#line.send(node('ib', { from: SERVER_JID }, [node('edge_routing', {}, [node('routing_info', {}, routing)])]))
    if (!input.passive) this.activate()
  }

  receive(stanza: BinaryNode): void {
    this.#line.receive(stanza)
  }

  /** Hands over what has waited: preview, the stanzas, and the word that this was all (engine.md §9.3). */
  activate(): void {
    if (this.#active || this.#device.connection !== this) return
    this.#active = true
    const { mailbox } = this.#device
    const waiting = mailbox.waiting()
    if (waiting.total > 0) {
      const { total, message, receipt, notification, call } = waiting
      const counts = { count: total, message, receipt, notification, call, appdata: 0 }
      const attrs = Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, String(value)]))
      this.#line.send(node('ib', { from: SERVER_JID }, [node('offline_preview', attrs)]))
    }
    mailbox.attach(this.#line, (count) => {
      this.#line.send(node('ib', { from: SERVER_JID }, [node('offline', { count: String(count) })]))
    })
    if (this.#device.awaitsFirstLogin) this.#introduced(this.#device)
  }

  replace(): void {
    this.#end(node('stream:error', {}, [node('conflict', { type: 'replaced' })]))
  }

  unlinked(): void {
    this.#end(node('stream:error', { code: '401' }, [node('conflict', { type: 'device_removed' })]))
  }

  /** The network is shutting down. */
  shutdown(): void {
    this.#end(node('xmlstreamend'))
  }

  closed(): void {
    this.#line.closed()
    this.#device.mailbox.detach(this.#line)
    if (this.#device.connection === this) {
      this.#device.connection = undefined
      this.#services.presence.gone(this.#device)
    }
    this.#ended(this)
  }

  #end(last: BinaryNode): void {
    this.#line.end(last)
  }
}
