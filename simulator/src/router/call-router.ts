/** Calls: ringing, rejecting, ending. The media never comes near us. */
import type { Device } from '../accounts/account.ts'
import type { Addressee, Directory } from '../accounts/directory.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import type { Seed } from '../seed.ts'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node } from '../wire/nodes.ts'
import { mayReach } from './reach.ts'

/** The other own devices stop ringing when one of them has decided. */
const SETTLED: Record<string, string> = { accept: 'accepted_elsewhere', reject: 'rejected_elsewhere' }

export class CallRouter {
  readonly #directory: Directory
  readonly #clock: Clock
  readonly #token: (length: number) => Buffer

  constructor(directory: Directory, clock: Clock, seed: Seed) {
    this.#directory = directory
    this.#clock = clock
    this.#token = seed.stream('call links')
  }

  /** Delivers and gives the answer for the sender: an ack, or for `link_create` a `call` with the link's token. */
  route(sender: Device, call: BinaryNode): BinaryNode {
    const { id, to } = call.attrs
    const action = childrenOf(call)[0]
    if (action?.tag === 'link_create') {
      const token = this.#token(16).toString('base64url').slice(0, 22)
      return node('call', { id, from: to }, [node('link_create', { token, media: action.attrs.media })])
    }
    const ack = (error?: string) => node('ack', { class: 'call', id, from: to, type: action?.tag, error })
    const addressee = this.#directory.resolve(to)
    if (addressee === undefined || action === undefined) return ack('404')
    sender.account.meet(addressee.account)
    if (mayReach(sender.account, addressee.account)) this.#ring(sender, addressee, call, action)
    this.#settleOwnDevices(sender, call, action)
    return ack()
  }

  #ring(sender: Device, addressee: Addressee, call: BinaryNode, action: BinaryNode): void {
    const perDevice = childrenNamed(childOf(action, 'destination'), 'to')
    for (const device of addressee.account.devices.values()) {
      const own = perDevice.find((to) => this.#directory.device(to.attrs.jid) === device)
      const shared = childrenOf(action).filter((child) => child.tag !== 'destination')
      const content = own === undefined ? shared : [...shared, ...childrenOf(own)]
      const attrs = action.tag === 'offer' ? { ...action.attrs, caller_pn: sender.account.jid } : action.attrs
      this.#deliver(
        device,
        call.attrs.id,
        sender.jid(addressee.server),
        sender,
        node(action.tag, attrs, content.length > 0 ? content : undefined),
      )
    }
  }

  #settleOwnDevices(sender: Device, call: BinaryNode, action: BinaryNode): void {
    const reason = SETTLED[action.tag]
    if (reason === undefined) return
    const { 'call-id': callId, 'call-creator': creator } = action.attrs
    const terminate = node('terminate', { 'call-id': callId, 'call-creator': creator, reason })
    for (const device of sender.account.devices.values()) {
      if (device !== sender) this.#deliver(device, call.attrs.id, call.attrs.to, sender, terminate)
    }
  }

  #deliver(device: Device, id: string | undefined, from: string | undefined, sender: Device, action: BinaryNode): void {
    const t = String(unixSeconds(this.#clock))
    device.mailbox.deliver(node('call', { id, from, t, notify: sender.account.name || undefined }, [action]))
  }
}
