/**
 * Fans messages out to devices (engine.md §9.3, "Routing 1:1"). The server sees who writes to whom and which device gets which
 * ciphertext, never what it says.
 */
import type { Account, Device } from '../accounts/account.ts'
import type { Addressee, Directory } from '../accounts/directory.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node } from '../wire/nodes.ts'

/** Attributes that mean the same to the receiver as to the sender. */
const CARRIED = ['id', 'type', 'edit', 'category'] as const
/** For the server only. */
const CONSUMED = new Set(['participants', 'enc', 'tctoken'])

export class MessageRouter {
  readonly #directory: Directory
  readonly #clock: Clock

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  /** Delivers and gives the `<ack class=message>` for the sender. */
  route(sender: Device, message: BinaryNode): BinaryNode {
    const { id, to } = message.attrs
    const t = String(unixSeconds(this.#clock))
    const ack = (error?: string) => node('ack', { class: 'message', id, from: to, t, error })
    const addressee = this.#directory.resolve(to)
    if (id === undefined || to === undefined) return ack('400')
    if (addressee === undefined) return ack('404')
    sender.account.meet(addressee.account)
    for (const [target, enc] of this.#copies(addressee, message)) {
      if (target !== sender && mayReach(sender.account, target.account))
        target.mailbox.deliver(this.#copy(sender, addressee, target, message, enc, t))
    }
    return ack()
  }

  /** Which device gets which ciphertext. */
  *#copies(addressee: Addressee, message: BinaryNode): Generator<[Device, BinaryNode]> {
    const participants = childOf(message, 'participants')
    if (participants === undefined) {
      // A retry's answer or a peer message: one device, named by `to`.
      const enc = childOf(message, 'enc')
      const target = addressee.account.devices.get(addressee.deviceId ?? 0)
      if (enc !== undefined && target !== undefined) yield [target, enc]
      return
    }
    for (const participant of childrenNamed(participants, 'to')) {
      const target = this.#directory.device(participant.attrs.jid)
      const enc = childOf(participant, 'enc')
      // A device unlinked a moment ago: the sender learns of it by notification.
      if (target !== undefined && enc !== undefined) yield [target, enc]
    }
  }

  #copy(sender: Device, addressee: Addressee, target: Device, message: BinaryNode, enc: BinaryNode, t: string): BinaryNode {
    const attrs: Record<string, string | undefined> = { from: sender.jid(addressee.server), t, notify: sender.account.name || undefined }
    for (const name of CARRIED) attrs[name] = message.attrs[name]
    if (target.account !== sender.account) {
      attrs[addressee.server === 'lid' ? 'sender_pn' : 'sender_lid'] = sender.account.otherAddress(addressee.server)
    } else if (message.attrs.category !== 'peer') {
      Object.assign(attrs, this.#ownCopyAttributes(addressee, message))
    }
    const others = childrenOf(message).filter((child) => !CONSUMED.has(child.tag))
    return node('message', attrs, [enc, ...others])
  }

  /** Own devices are told whom the message went to. `sender_*` here would make them take the contact for themselves. */
  #ownCopyAttributes(addressee: Addressee, message: BinaryNode): Record<string, string> {
    // A retry's answer to an own device is addressed to that device and names the conversation apart.
    const chat = message.attrs.recipient === undefined ? addressee : this.#directory.resolve(message.attrs.recipient)
    if (chat === undefined) return {}
    const alternative = chat.server === 'lid' ? 'peer_recipient_pn' : 'peer_recipient_lid'
    return { recipient: chat.account.address(chat.server), [alternative]: chat.account.otherAddress(chat.server) }
  }
}

/** Messages of blocked people are accepted and go nowhere: the sender is not told. */
export function mayReach(sender: Account, receiver: Account): boolean {
  return sender === receiver || !receiver.isBlocking(sender)
}
