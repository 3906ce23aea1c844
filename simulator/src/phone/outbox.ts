/**
 * Sending: encrypts a message for every device of the receiver and for the own companions, remembers it for a while and encrypts it
 * again for a device that asks (retry receipt). One message after the other, so that devices see the order the person wrote in.
 */
import { type BinaryNode, encodeWAMessage, getBinaryNodeChild, normalizeMessageContent, proto } from 'baileys'
import type { PhoneIdentity } from '../ports.ts'
import { type AddressBook, mustParse, sameUser, userJid } from './addresses.ts'
import { BoundedMap } from './bounded.ts'
import type { ContactsDirectory } from './contacts-directory.ts'
import { mediaType, stanzaType } from './content.ts'
import { Lane } from './lane.ts'
import { bundleOfRetryReceipt, registrationOf } from './prekey-bundle.ts'
import { receiptIds } from './receipts.ts'
import { isPlace, type SenderKeys } from './sender-keys.ts'
import type { Sessions } from './sessions.ts'

/** Messages kept for devices that ask again. */
const KEPT = 1_000
/** How often one device may ask for one message, as clients limit it. */
const RESENDS_PER_DEVICE = 5

interface Sent {
  to: string
  message: proto.IMessage
  attrs: BinaryNode['attrs']
  peer: boolean
}

export interface Outgoing {
  id: string
  /** A user's address, by number or LID; the whole stanza is addressed that way. Or a group, `status@broadcast`, or a broadcast list (`<digits>@broadcast`). */
  to: string
  message: proto.IMessage
  edit?: string
  /** Whom a story is for, or who is in the list. */
  audience?: readonly string[]
}

export class Outbox {
  private readonly self: PhoneIdentity
  private readonly book: AddressBook
  private readonly sessions: Sessions
  private readonly directory: ContactsDirectory
  private readonly senderKeys: SenderKeys
  private readonly transmit: (stanza: BinaryNode) => void
  private readonly sent = new BoundedMap<string, Sent>(KEPT)
  private readonly resends = new BoundedMap<string, number>(KEPT)
  private readonly lane = new Lane()

  constructor(parts: {
    self: PhoneIdentity
    book: AddressBook
    sessions: Sessions
    directory: ContactsDirectory
    senderKeys: SenderKeys
    transmit: (stanza: BinaryNode) => void
  }) {
    this.self = parts.self
    this.book = parts.book
    this.sessions = parts.sessions
    this.directory = parts.directory
    this.senderKeys = parts.senderKeys
    this.transmit = parts.transmit
  }

  /**
   * Throws UnknownPersonError, and when no device of the receiver can be encrypted for. `onSealed` is called when nothing can go wrong
   * any more and just before the message leaves: an answer is never earlier.
   */
  send({ id, to, message, edit, audience = [] }: Outgoing, onSealed: () => void): Promise<void> {
    return this.lane.run(async () => {
      const attrs: BinaryNode['attrs'] = { type: stanzaType(message) }
      if (edit) attrs.edit = edit
      this.sent.set(id, { to, message, attrs, peer: false })
      if (isNewsletter(to)) {
        onSealed()
        const plaintext = Buffer.from(proto.Message.encode(proto.Message.fromObject(message)).finish())
        this.transmit({
          tag: 'message',
          attrs: { id, to, ...attrs },
          content: [{ tag: 'plaintext', attrs: encAttributes(message), content: plaintext }],
        })
        return
      }
      if (isPlace(to)) {
        const sealed = await this.senderKeys.seal(to, message, encAttributes(message), audience)
        onSealed()
        this.transmit({ tag: 'message', attrs: { id, to, ...attrs, ...sealed.attrs }, content: sealed.content })
        return
      }
      const content = await this.encryptForAll(to, (own) => (own ? copyForCompanion(to, message) : message), encAttributes(message))
      onSealed()
      this.transmit({ tag: 'message', attrs: { id, to, ...attrs }, content: [{ tag: 'participants', attrs: {}, content }] })
    })
  }

  /** To one companion, device to device: not part of any conversation. */
  sendPeer(id: string, device: string, message: proto.IMessage): Promise<void> {
    return this.lane.run(async () => {
      const attrs: BinaryNode['attrs'] = { type: stanzaType(message), category: 'peer', push_priority: 'high_force' }
      this.sent.set(id, { to: device, message, attrs, peer: true })
      const reachable = await this.directory.withSessions([device])
      if (reachable.length === 0) throw new Error(`${device} offers no prekeys`)
      this.transmit({ tag: 'message', attrs: { id, to: device, ...attrs }, content: [await this.encryptFor(device, message)] })
    })
  }

  /** `<to>` nodes with an `enc` each, for every device of `to` and the other devices of this account. */
  async encryptForAll(
    to: string,
    messageFor: (own: boolean) => proto.IMessage,
    attrs: BinaryNode['attrs'] = {},
    { companions = true } = {},
  ): Promise<BinaryNode[]> {
    const self = mustParse(to).server === 'lid' ? this.self.lid : this.self.jid
    const people = !companions || sameUser(to, self) ? [to] : [to, self]
    const devices = (await this.directory.devicesOf(people)).filter((device) => device !== self)
    const reachable = await this.directory.withSessions(devices)
    if (!sameUser(to, self) && !reachable.some((device) => sameUser(device, to))) {
      throw new Error(`no device of ${to} can be encrypted for`)
    }
    const nodes: BinaryNode[] = []
    for (const device of reachable) {
      const enc = await this.encryptFor(device, messageFor(sameUser(device, self)), attrs)
      nodes.push({ tag: 'to', attrs: { jid: device }, content: [enc] })
    }
    return nodes
  }

  /** A device could not decrypt one of our messages: gives it the message again, in a session it can read. */
  answerRetry(receipt: BinaryNode): Promise<void> {
    return this.lane.run(async () => {
      const device = receipt.attrs.participant ?? receipt.attrs.from
      if (!device) return
      for (const id of receiptIds(receipt)) {
        const sent = this.sent.get(id)
        const times = (this.resends.get(`${id} ${device}`) ?? 0) + 1
        if (!sent || times > RESENDS_PER_DEVICE) continue
        const count = getBinaryNodeChild(receipt, 'retry')?.attrs.count ?? '1'
        if (isPlace(sent.to)) {
          const key = await this.senderKeys.keyFor(sent.to, device)
          if (!key) continue
          this.resends.set(`${id} ${device}`, times)
          await this.renewSession(device, receipt)
          await this.resendInPlace(id, sent, device, count, key)
        } else if (this.wasMeantFor(sent, device)) {
          this.resends.set(`${id} ${device}`, times)
          await this.renewSession(device, receipt)
          await this.resend(id, sent, device, count)
        }
      }
    })
  }

  private async resend(id: string, sent: Sent, device: string, count: string): Promise<void> {
    const own = this.isOwn(device)
    const message = own && !sent.peer ? copyForCompanion(sent.to, sent.message) : sent.message
    const attrs: BinaryNode['attrs'] = { id, to: device, ...sent.attrs }
    if (own && !sent.peer) attrs.recipient = sent.to
    if (!sent.peer) attrs.device_fanout = 'false'
    this.transmit({ tag: 'message', attrs, content: [await this.encryptFor(device, message, { ...encAttributes(sent.message), count })] })
  }

  /** To that device alone, and with the key: what it could not read was under it. */
  private async resendInPlace(
    id: string,
    sent: Sent,
    device: string,
    count: string,
    senderKeyDistributionMessage: proto.Message.ISenderKeyDistributionMessage,
  ): Promise<void> {
    const message = { ...sent.message, senderKeyDistributionMessage }
    const enc = await this.encryptFor(device, message, { ...encAttributes(sent.message), count })
    this.transmit({ tag: 'message', attrs: { id, to: sent.to, participant: device, ...sent.attrs }, content: [enc] })
  }

  /**
   * The keys in the receipt, or fresh ones from the server: the old session is what failed. Keys of a device that registered anew
   * come with another registration id; nothing of the old one may be used then.
   */
  private async renewSession(device: string, receipt: BinaryNode): Promise<void> {
    const known = this.sessions.info(device)
    const registration = registrationOf(receipt)
    if (known && registration !== undefined && known.registrationId !== registration) this.sessions.drop(device)
    const bundle = bundleOfRetryReceipt(receipt)
    if (bundle) await this.sessions.open(device, bundle)
    else await this.directory.withSessions([device], { renew: true })
  }

  /** Nobody gets a message that was written to somebody else by asking for it. */
  private wasMeantFor(sent: Sent, device: string): boolean {
    if (sent.peer) return this.book.toLid(device) === this.book.toLid(sent.to)
    return this.isOwn(device) || this.book.person(device) === this.book.person(sent.to)
  }

  private isOwn(device: string): boolean {
    return sameUser(device, this.self.jid) || sameUser(device, this.self.lid)
  }

  private async encryptFor(device: string, message: proto.IMessage, attrs: BinaryNode['attrs'] = {}): Promise<BinaryNode> {
    const { type, ciphertext } = await this.sessions.encrypt(device, encodeWAMessage(proto.Message.fromObject(message)))
    return { tag: 'enc', attrs: { v: '2', type, ...attrs }, content: ciphertext }
  }
}

export const isNewsletter = (jid: string): boolean => jid.endsWith('@newsletter')

function copyForCompanion(to: string, message: proto.IMessage): proto.IMessage {
  return { deviceSentMessage: { destinationJid: userJid(to), message }, messageContextInfo: message.messageContextInfo }
}

function encAttributes(message: proto.IMessage): BinaryNode['attrs'] {
  const attrs: BinaryNode['attrs'] = {}
  const media = mediaType(message)
  if (media) attrs.mediatype = media
  const content = normalizeMessageContent(message)
  // An old client that cannot show a reaction or a pin should not show "waiting for this message" either.
  if (content?.reactionMessage || content?.pinInChatMessage) attrs['decrypt-fail'] = 'hide'
  return attrs
}
