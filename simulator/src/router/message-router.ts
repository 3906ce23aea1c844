/**
 * Fans messages out to devices (engine.md §9.3, "Routing 1:1"). The server sees who writes to whom and which device gets which
 * ciphertext, never what it says.
 */
import type { Device } from '../accounts/account.ts'
import type { Addressee, Directory } from '../accounts/directory.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import type { GroupStore } from '../groups/group-store.ts'
import { parseJid } from '../jid.ts'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node } from '../wire/nodes.ts'
import { bizRefusal } from './biz-node.ts'
import { BroadcastRouter } from './broadcast-router.ts'
import { GroupRouter } from './group-router.ts'
import type { NewsletterRouter } from './newsletter-router.ts'
import { mayReach } from './reach.ts'
import { CARRIED, CONSUMED, type Verdict } from './stanza-copy.ts'
import { verifiedName } from './verified-name.ts'

export class MessageRouter {
  readonly #directory: Directory
  readonly #clock: Clock
  readonly #groups: GroupRouter
  readonly #broadcasts: BroadcastRouter
  readonly #newsletters: NewsletterRouter

  constructor(directory: Directory, clock: Clock, groups: GroupStore, newsletters: NewsletterRouter) {
    this.#directory = directory
    this.#clock = clock
    this.#groups = new GroupRouter(directory, groups)
    this.#broadcasts = new BroadcastRouter(directory)
    this.#newsletters = newsletters
  }

  /** Delivers and gives the `<ack class=message>` for the sender. */
  route(sender: Device, message: BinaryNode): BinaryNode {
    const { id, to } = message.attrs
    const t = String(unixSeconds(this.#clock))
    const verdict = id === undefined ? { error: '400' } : (bizRefusal(message) ?? this.#deliver(sender, message, t))
    return node('ack', { class: 'message', id, from: to, t, ...verdict })
  }

  #deliver(sender: Device, message: BinaryNode, t: string): Verdict {
    const { to } = message.attrs
    const server = parseJid(to)?.server
    if (server === 'broadcast') return this.#broadcasts.deliver(sender, message, t)
    if (server === 'g.us') return this.#groups.deliver(sender, message, t)
    if (server === 'newsletter') return this.#newsletters.deliver(sender, message, t)
    return this.#toPerson(sender, message, t)
  }

  #toPerson(sender: Device, message: BinaryNode, t: string): Verdict {
    const addressee = this.#directory.resolve(message.attrs.to)
    if (addressee === undefined) return { error: message.attrs.to === undefined ? '400' : '404' }
    sender.account.meet(addressee.account)
    for (const [target, enc] of this.#copies(addressee, message)) {
      if (target !== sender && mayReach(sender.account, target.account))
        target.mailbox.deliver(this.#copy(sender, addressee, target, message, enc, t))
    }
    return {}
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
    const toOthers = target.account !== sender.account
    const server = toOthers ? sender.account.namedIn(addressee.server) : addressee.server
    const attrs: Record<string, string | undefined> = { from: sender.jid(server), t, notify: sender.account.name || undefined }
    for (const name of CARRIED) attrs[name] = message.attrs[name]
    if (toOthers) {
      attrs[server === 'lid' ? 'sender_pn' : 'sender_lid'] = sender.account.otherAddress(server)
    } else if (message.attrs.category !== 'peer') {
      Object.assign(attrs, this.#ownCopyAttributes(addressee, message))
    }
    const others = childrenOf(message).filter((child) => !CONSUMED.has(child.tag))
    return node('message', attrs, [...verifiedName(sender.account), enc, ...others])
  }

  /** Own devices are told whom the message went to. `sender_*` here would make them take the contact for themselves. */
  #ownCopyAttributes(addressee: Addressee, message: BinaryNode): Record<string, string | undefined> {
    // A retry's answer to an own device is addressed to that device and names the conversation apart.
    const chat = message.attrs.recipient === undefined ? addressee : this.#directory.resolve(message.attrs.recipient)
    if (chat === undefined) return {}
    const alternative = chat.server === 'lid' ? 'peer_recipient_pn' : 'peer_recipient_lid'
    return {
      recipient: chat.account.address(chat.server),
      [alternative]: chat.account.otherAddress(chat.server),
      peer_recipient_username: chat.account.username,
    }
  }
}
