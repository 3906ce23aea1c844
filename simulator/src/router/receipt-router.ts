/** Receipts: who learns that a message was delivered, read, played, or could not be decrypted (engine.md §9.3). */
import type { Device } from '../accounts/account.ts'
import type { Addressee, Directory } from '../accounts/directory.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { mayReach } from './reach.ts'

/** Between a device and the server only. */
const NOT_FORWARDED = new Set(['sender', 'peer_msg', 'hist_sync'])
/** Only the account's own other devices hear of these. */
const OWN_ONLY = new Set(['read-self', 'played-self'])
/** Own other devices mark the chat as read, too. */
const SHARED_WITH_OWN = new Set(['read', 'played', ...OWN_ONLY])
/** Where many people write: `participant` says whose message is meant. */
const PLACE = /@(g\.us|broadcast)$/

export class ReceiptRouter {
  readonly #directory: Directory
  readonly #clock: Clock

  constructor(directory: Directory, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  route(sender: Device, receipt: BinaryNode): void {
    const { type = '', to } = receipt.attrs
    if (PLACE.test(to ?? '')) {
      if (!NOT_FORWARDED.has(type)) this.#inPlace(sender, receipt, type)
      return
    }
    if (type === 'server-error') {
      this.#mediaIsGone(sender, receipt)
      return
    }
    const addressee = this.#directory.resolve(to)
    if (addressee === undefined || NOT_FORWARDED.has(type)) return
    if (type === 'retry') this.#retry(sender, addressee, receipt)
    else this.#inform(sender, addressee, receipt, type)
  }

  /** Goes unchanged to the one device whose message could not be read. */
  #retry(sender: Device, addressee: Addressee, receipt: BinaryNode): void {
    const author = addressee.account.devices.get(addressee.deviceId ?? 0)
    if (author === undefined || !mayReach(sender.account, author.account)) return
    const { id, recipient, participant } = receipt.attrs
    author.mailbox.deliver(
      node(
        'receipt',
        { id, from: sender.jid(sender.account.namedIn(addressee.server)), type: 'retry', t: this.#t(receipt), recipient, participant },
        receipt.content,
      ),
    )
  }

  /** A companion cannot download something: its own phone may upload it again. */
  #mediaIsGone(sender: Device, receipt: BinaryNode): void {
    const { id } = receipt.attrs
    const { phone } = sender.account
    if (phone === sender) return
    phone.mailbox.deliver(node('receipt', { id, from: sender.jid(), type: 'server-error', t: this.#t(receipt) }, receipt.content))
  }

  /** What the phone says to that; from one device of an account to another. */
  mediaAgain(sender: Device, notification: BinaryNode): void {
    const { id, to, type } = notification.attrs
    const addressee = this.#directory.resolve(to)
    if (type !== 'mediaretry' || addressee?.account !== sender.account) return
    const companion = sender.account.devices.get(addressee.deviceId ?? 0)
    const t = String(unixSeconds(this.#clock))
    companion?.mailbox.deliver(node('notification', { id, from: sender.account.jid, type, t }, notification.content))
  }

  #inform(sender: Device, addressee: Addressee, receipt: BinaryNode, type: string): void {
    const { account, server } = addressee
    const { id } = receipt.attrs
    const t = this.#t(receipt)
    const told = type === '' ? undefined : type
    if (account !== sender.account && !OWN_ONLY.has(type) && mayReach(sender.account, account)) {
      const from = sender.account.address(sender.account.namedIn(server))
      const stanza = node('receipt', { id, from, type: told, t }, receipt.content)
      for (const device of account.devices.values()) device.mailbox.deliver(stanza)
    }
    if (!SHARED_WITH_OWN.has(type)) return
    const own = node('receipt', { id, from: sender.jid(server), recipient: account.address(server), type: told, t }, receipt.content)
    for (const device of sender.account.devices.values()) {
      if (device !== sender) device.mailbox.deliver(own)
    }
  }

  /** Groups and stories: the author learns who got or read it; who asks for it again does so device to device. */
  #inPlace(sender: Device, receipt: BinaryNode, type: string): void {
    const { id, to, participant } = receipt.attrs
    const author = this.#directory.resolve(participant)
    if (author === undefined) return
    const { account, server } = author
    const about = { id, from: to, type: type === '' ? undefined : type, t: this.#t(receipt) }
    if (type === 'retry') {
      const asked = account.devices.get(author.deviceId ?? 0)
      asked?.mailbox.deliver(node('receipt', { ...about, participant: sender.jid(server) }, receipt.content))
      return
    }
    const alternative = { [server === 'lid' ? 'participant_pn' : 'participant_lid']: sender.account.otherAddress(server) }
    if (account !== sender.account && !OWN_ONLY.has(type)) {
      const stanza = node('receipt', { ...about, participant: sender.account.address(server), ...alternative }, receipt.content)
      for (const device of account.devices.values()) device.mailbox.deliver(stanza)
    }
    if (!SHARED_WITH_OWN.has(type)) return
    const own = node('receipt', { ...about, participant: sender.jid(server), recipient: account.address(server) }, receipt.content)
    for (const device of sender.account.devices.values()) {
      if (device !== sender) device.mailbox.deliver(own)
    }
  }

  #t(receipt: BinaryNode): string {
    return receipt.attrs.t ?? String(unixSeconds(this.#clock))
  }
}
