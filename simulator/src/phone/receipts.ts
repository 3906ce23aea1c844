/** The `receipt` and `ack` stanzas a device answers with. Pure. */
import type { BinaryNode } from 'baileys'
import type { Envelope } from './envelope.ts'

/** "I have it": plain to the author, `sender` for a copy of a companion's message, `peer_msg` between one's own devices. */
export function deliveryReceipt(stanza: BinaryNode, envelope: Envelope): BinaryNode {
  const attrs: BinaryNode['attrs'] = { id: envelope.id, to: stanza.attrs.from ?? '' }
  if (stanza.attrs.participant) attrs.participant = stanza.attrs.participant
  if (envelope.peer) attrs.type = 'peer_msg'
  else if (envelope.own) {
    attrs.type = 'sender'
    if (stanza.attrs.recipient) attrs.recipient = stanza.attrs.recipient
  }
  return { tag: 'receipt', attrs }
}

/** `ids` are of one conversation and, in a group, of one author. */
export function personalReceipt(input: {
  to: string
  participant?: string
  ids: string[]
  type: 'read' | 'played'
  timestamp: number
}): BinaryNode | undefined {
  const [first, ...rest] = input.ids
  if (first === undefined) return undefined
  const attrs: BinaryNode['attrs'] = { id: first, to: input.to, type: input.type, t: String(input.timestamp) }
  if (input.participant) attrs.participant = input.participant
  if (rest.length === 0) return { tag: 'receipt', attrs }
  return { tag: 'receipt', attrs, content: [{ tag: 'list', attrs: {}, content: rest.map((id) => ({ tag: 'item', attrs: { id } })) }] }
}

/** Asks the author to encrypt the message anew. `keys` spares the author a prekey request and survives lost sessions. */
export function retryReceipt(stanza: BinaryNode, count: number, registration: BinaryNode, keys?: BinaryNode): BinaryNode {
  const { id = '', from = '', participant, recipient, t } = stanza.attrs
  const attrs: BinaryNode['attrs'] = { id, to: from, type: 'retry' }
  if (participant) attrs.participant = participant
  if (recipient) attrs.recipient = recipient
  const retry: BinaryNode = { tag: 'retry', attrs: { count: String(count), id, t: t ?? '0', v: '1', error: '0' } }
  return { tag: 'receipt', attrs, content: keys ? [retry, registration, keys] : [retry, registration] }
}

/** "It reached me", whatever became of it; `error` makes it a refusal. */
export function ack(stanza: BinaryNode, error?: number): BinaryNode {
  const { id = '', from = '', participant, recipient, type } = stanza.attrs
  const attrs: BinaryNode['attrs'] = { id, to: from, class: stanza.tag }
  if (error !== undefined) attrs.error = String(error)
  if (participant) attrs.participant = participant
  if (recipient) attrs.recipient = recipient
  if (type) attrs.type = type
  return { tag: 'ack', attrs }
}

/** Ids a receipt speaks of: its own and those of its list. */
export function receiptIds(receipt: BinaryNode): string[] {
  const ids = receipt.attrs.id ? [receipt.attrs.id] : []
  const list = Array.isArray(receipt.content) ? receipt.content.find(({ tag }) => tag === 'list') : undefined
  const items = Array.isArray(list?.content) ? list.content : []
  return ids.concat(items.flatMap(({ attrs }) => (attrs.id ? [attrs.id] : [])))
}
