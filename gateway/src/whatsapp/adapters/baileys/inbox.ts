/**
 * From an inbox row to the message it holds. Live messages and those a crash left behind take this one way, so both read the same; Baileys'
 * own `messages.upsert` comes too late for that (after the receipt, engine.md §10).
 */
import { proto } from 'baileys'
import type { Address, InboxRow, ReceivedMessage } from '../../engine.ts'
import { isBroadcastList, isNewsletterJid } from '../../jid.ts'
import { saysMore } from '../../later-fields.ts'
import { decodeWireMessage, type WireMessage } from '../../wire.ts'
import { addressFrom, isPlace, isSame, senderOf } from './addresses.ts'
import { unwrap } from './envelopes.ts'
import { isGroupNews } from './group-news.ts'
import { changeOf, type StanzaAttributes } from './stanzas.ts'
import { readWebMessage } from './web-message.ts'

/** Null: nothing a person would see, no message, or a stanza that makes no sense. `self` is the own account. */
export const readInbox = (row: InboxRow, self: Address): ReceivedMessage | null => {
  if (isGroupNews(row.attributes)) return null
  const outside = withoutContent(row, self)
  const decoded = decode(row.plaintext)
  // Whoever wrote it could encrypt for us: this is what was sent, and asking again would bring the same.
  if (decoded === null) return outside
  if (row.attributes.category === 'peer') return placeOf(row.attributes, self)?.fromMe ? resentByPhone(decoded, self) : null
  const { message, viewOnce } = unwrap(decoded)
  const change = changeOf(row.attributes)
  if (outside !== null && change !== null) return changedPost(outside, change, message, row.hash)
  return outside !== null && (isForPeople(message) || saysMore(row.plaintext)) ? { ...outside, message, viewOnce } : null
}

/** As changes are told everywhere else. It has no id of its own, and gets the same one however often it comes. */
const changedPost = (outside: ReceivedMessage, change: 'edit' | 'revoke', message: WireMessage, hash: string): ReceivedMessage => {
  const key = { remoteJid: outside.chat.jid, id: outside.id, fromMe: outside.fromMe }
  const protocolMessage = change === 'edit' ? { key, type: Type.MESSAGE_EDIT, editedMessage: message } : { key, type: Type.REVOKE }
  return { ...outside, id: `3EB0${hash.slice(0, 16).toUpperCase()}`, message: { protocolMessage } }
}

/** What stands on the outside of the stanza. Null: it makes no sense, or is between devices. */
export const withoutContent = (
  { attributes, receivedAt }: Pick<InboxRow, 'attributes' | 'receivedAt'>,
  self: Address,
): ReceivedMessage | null => {
  const place = placeOf(attributes, self)
  if (!attributes.id || place === null || attributes.category === 'peer' || isGroupNews(attributes)) return null
  const seconds = Number(attributes.t)
  return {
    id: attributes.id,
    ...place,
    timestamp: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : receivedAt,
    pushName: attributes.notify || null,
    message: proto.Message.create(),
    viewOnce: false,
    offline: attributes.offline !== undefined,
  }
}

/** Chat and author, by the rules of Baileys' `decodeMessageNode` (WhatsApp Web's own). */
const placeOf = (attributes: StanzaAttributes, self: Address): Pick<ReceivedMessage, 'chat' | 'sender' | 'fromMe'> | null => {
  const { from, participant, recipient } = attributes
  if (!from) return null
  if (isPlace(from)) {
    if (participant === undefined && !isNewsletterJid(from)) return null
    const author = participant === undefined ? addressFrom(from) : senderOf(attributes)
    // In a channel nobody is named, but ourselves.
    const fromMe = isSame(author, self) || (attributes.is_sender === 'true' && isNewsletterJid(from))
    // Who writes to many at once by a list writes to each of them, as WhatsApp's apps show it; nobody can write to somebody else's list.
    return { chat: isBroadcastList(from) && !fromMe ? author : addressFrom(from), sender: fromMe ? self : author, fromMe }
  }
  // On a copy of our own message the alternative forms speak of the other side.
  const fromMe = isSame(addressFrom(participant ?? from), self)
  if (recipient !== undefined) {
    if (!fromMe) return null
    const chat = isPlace(recipient)
      ? addressFrom(recipient)
      : addressFrom(
          recipient,
          attributes.peer_recipient_pn,
          attributes.peer_recipient_lid,
          attributes.recipient_pn,
          attributes.recipient_lid,
        )
    return { chat, sender: self, fromMe }
  }
  const sender = fromMe ? self : senderOf(attributes)
  if (sender.jid === null && sender.lid === null) return null
  return { chat: sender, sender, fromMe }
}

const decode = (plaintext: Uint8Array): WireMessage | null => {
  try {
    return decodeWireMessage(plaintext)
  } catch {
    return null
  }
}

/** Fields that are between devices and not content. */
const machinery: ReadonlySet<string> = new Set([
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
  'messageContextInfo',
  'protocolMessage',
])

const { Type } = proto.Message.ProtocolMessage
const visibleProtocol: ReadonlySet<number> = new Set([Type.REVOKE, Type.MESSAGE_EDIT])

export const isForPeople = (message: WireMessage): boolean => {
  // protobuf leaves the type out when it is 0, which is REVOKE; only one with a key means it.
  const protocol = message.protocolMessage
  if (protocol) return visibleProtocol.has(protocol.type ?? Type.REVOKE) && Boolean(protocol.key?.id)
  return Object.entries(message).some(([field, value]) => !machinery.has(field) && value !== null && value !== undefined)
}

/** A message the phone sends again because its stanza had no content for us (Baileys asked for it). */
const resentByPhone = (message: WireMessage, self: Address): ReceivedMessage | null => {
  const results = unwrap(message).message.protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult
  for (const result of results ?? []) {
    const bytes = result.placeholderMessageResendResponse?.webMessageInfoBytes
    const stored = bytes ? decodeStored(bytes) : null
    const resent = stored === null ? null : readWebMessage(stored, self)
    if (resent !== null) return isForPeople(resent.message) ? resent : null
  }
  return null
}

const decodeStored = (bytes: Uint8Array): proto.WebMessageInfo | null => {
  try {
    return proto.WebMessageInfo.decode(bytes)
  } catch {
    return null
  }
}
