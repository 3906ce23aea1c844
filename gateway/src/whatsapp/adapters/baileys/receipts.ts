/** `<receipt>` and `<ack class=message>` stanzas as events; names of the statuses as whatsmeow and the contract have them. */
import type { BinaryNode } from 'baileys'
import type { Address, EngineEvent, ReceiptStatus } from '../../engine.ts'
import { addressFrom, isPlace, isSame } from './addresses.ts'

const statuses = new Map<string | undefined, ReceiptStatus>([
  [undefined, 'delivered'],
  ['delivery', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
  ['read-self', 'read_self'],
  ['played-self', 'played_self'],
  ['sender', 'sender'],
  ['retry', 'retry'],
  ['inactive', 'inactive'],
  ['server-error', 'server_error'],
])

type Receipt = Extract<EngineEvent, { type: 'receipt' }>

/** Null for receipts between the account's own devices (`peer_msg`, `hist_sync`) and for kinds nobody knows. */
export const readReceipt = ({ attrs, content }: BinaryNode, self: Address): Receipt | null => {
  const status = statuses.get(attrs.type)
  const { id, from, recipient, participant } = attrs
  if (status === undefined || !id || !from) return null
  const alternatives = [attrs.participant_pn, attrs.participant_lid, attrs.sender_pn, attrs.sender_lid]
  const issuer = addressFrom(participant ?? from, ...alternatives)
  const fromMe = isSame(issuer, self)
  const sender = fromMe ? self : issuer
  // Another device of ours tells what it did in the chat with `recipient`.
  const chat = isPlace(from)
    ? addressFrom(from)
    : fromMe && recipient
      ? addressFrom(recipient, attrs.peer_recipient_pn, attrs.peer_recipient_lid)
      : sender
  const seconds = Number(attrs.t)
  return {
    type: 'receipt',
    ids: [id, ...listedIds(content)],
    chat,
    sender,
    fromMe,
    status,
    timestamp: Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : Date.now(),
  }
}

/** One receipt may speak of many messages: `<list><item id/>…`. */
const listedIds = (content: BinaryNode['content']): string[] => {
  if (!Array.isArray(content)) return []
  const list = content.find(({ tag }) => tag === 'list')?.content
  return Array.isArray(list) ? list.flatMap(({ tag, attrs }) => (tag === 'item' && attrs.id ? [attrs.id] : [])) : []
}

/** WhatsApp's verdict on a message of ours. */
export const readAck = ({ attrs }: BinaryNode): Extract<EngineEvent, { type: 'server-ack' }> | null => {
  if (!attrs.id || !attrs.from) return null
  const error = attrs.error === undefined ? null : Number(attrs.error)
  return { type: 'server-ack', id: attrs.id, to: addressFrom(attrs.from), error: Number.isNaN(error) ? 0 : error }
}
