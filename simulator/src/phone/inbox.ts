/**
 * Receiving: decrypts, notices what came twice, asks for a retry when a message cannot be read, and says "delivered" only when it
 * was. What the message means is for whoever is handed the {@link Received}.
 */
import { type BinaryNode, proto, unpadRandomMax16 } from 'baileys'
import type { AddressBook } from './addresses.ts'
import { BoundedMap } from './bounded.ts'
import type { DeviceKeys } from './device-keys.ts'
import { type Envelope, PLAINTEXT, readEnvelope } from './envelope.ts'
import { ack, deliveryReceipt, retryReceipt } from './receipts.ts'
import { type Sessions, SignalError } from './sessions.ts'

/** Message ids remembered to notice what comes twice. */
const SEEN = 5_000
/** Retries asked for one message, as clients limit it. */
const RETRIES = 5
const UNHANDLED = 500
const UNREADABLE = Symbol('unreadable')

/** Values of `edit`: by the author, by an admin. */
const REVOKED = new Set(['7', '8'])

/** As it stands in every other chat. */
const revocationOf = ({ id, chat }: Envelope): proto.IMessage => ({
  protocolMessage: { type: proto.Message.ProtocolMessage.Type.REVOKE, key: { remoteJid: chat, id } },
})

export interface Received {
  envelope: Envelope
  /** Without the wrapper of a companion's copy. */
  message: proto.IMessage
}

export class Inbox {
  private readonly self: { jid: string; lid: string }
  private readonly keys: DeviceKeys
  private readonly book: AddressBook
  private readonly sessions: Sessions
  private readonly transmit: (stanza: BinaryNode) => void
  private readonly seen = new BoundedMap<string, true>(SEEN)
  private readonly retries = new BoundedMap<string, number>(SEEN)

  constructor(parts: {
    self: { jid: string; lid: string }
    keys: DeviceKeys
    book: AddressBook
    sessions: Sessions
    transmit: (stanza: BinaryNode) => void
  }) {
    this.self = parts.self
    this.keys = parts.keys
    this.book = parts.book
    this.sessions = parts.sessions
    this.transmit = parts.transmit
  }

  /** Undefined for what came before, could not be read, or carries nothing but keys. */
  async accept(stanza: BinaryNode): Promise<Received | undefined> {
    const envelope = readEnvelope(stanza, this.self)
    if (!envelope || envelope.parts.length === 0) {
      this.transmit(ack(stanza, envelope ? undefined : UNHANDLED))
      return undefined
    }
    for (const [one, other] of envelope.aliases) this.book.learn(one, other)

    // A change of a post goes by the id of the post.
    const change = envelope.newsletter && envelope.edit ? ` ${envelope.edit} ${envelope.timestamp}` : ''
    const ticket = `${this.book.toLid(envelope.author)} ${envelope.id}${change}`
    const message = this.seen.has(ticket) ? undefined : await this.read(envelope)
    if (message === UNREADABLE) {
      this.askAgain(stanza, ticket)
      return undefined
    }
    this.seen.set(ticket, true)
    this.retries.delete(ticket)
    this.transmit(envelope.newsletter ? ack(stanza) : deliveryReceipt(stanza, envelope))
    return message && { envelope, message: envelope.newsletter && REVOKED.has(envelope.edit ?? '') ? revocationOf(envelope) : message }
  }

  /** All parts together (a group message brings the sender's key in a part of its own); undefined when every part came before. */
  private async read(envelope: Envelope): Promise<proto.IMessage | undefined | typeof UNREADABLE> {
    let message: proto.IMessage | undefined
    for (const part of envelope.parts) {
      try {
        message = { ...message, ...(await this.decrypt(envelope, part)) }
      } catch (error) {
        if (!(error instanceof SignalError && error.kind === 'duplicate')) return UNREADABLE
      }
    }
    return message
  }

  private async decrypt(envelope: Envelope, part: Envelope['parts'][number]): Promise<proto.IMessage> {
    if (part.type === PLAINTEXT) return proto.Message.toObject(proto.Message.decode(part.ciphertext)) as proto.IMessage
    const plaintext = await this.open(envelope, part)
    const { senderKeyDistributionMessage: distribution, ...message } = proto.Message.toObject(
      proto.Message.decode(unpadRandomMax16(plaintext)),
    ) as proto.IMessage
    if (envelope.group && distribution?.axolotlSenderKeyDistributionMessage) {
      await this.sessions.acceptDistribution(envelope.chat, envelope.author, distribution.axolotlSenderKeyDistributionMessage)
    }
    // A stranger's "copy of what you sent" is nothing of the kind.
    return envelope.own ? (message.deviceSentMessage?.message ?? message) : message
  }

  private open({ author, chat }: Envelope, { type, ciphertext }: Envelope['parts'][number]): Promise<Uint8Array> {
    if (type === 'pkmsg' || type === 'msg') return this.sessions.decrypt(author, type, ciphertext)
    if (type === 'skmsg') return this.sessions.decryptGroup(chat, author, ciphertext)
    return Promise.reject(new SignalError(`unknown encryption ${type}`))
  }

  /** Keys go along from the second try on, as clients do it: by then a fresh session is needed. */
  private askAgain(stanza: BinaryNode, ticket: string): void {
    const count = (this.retries.get(ticket) ?? 0) + 1
    if (count > RETRIES) {
      this.transmit(ack(stanza, UNHANDLED))
      return
    }
    this.retries.set(ticket, count)
    this.transmit(retryReceipt(stanza, count, this.keys.registrationNode(), count > 1 ? this.keys.retryKeysNode() : undefined))
    this.transmit(ack(stanza))
  }
}
