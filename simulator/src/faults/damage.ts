/** What faults make of stanzas: pure. */
import { type BinaryNode, node } from '../wire/nodes.ts'

/** A copy in which every ciphertext has its last byte flipped; undefined when there is none to damage. */
export function withDamagedCiphertext(stanza: BinaryNode): BinaryNode | undefined {
  if (stanza.tag === 'enc' && stanza.content instanceof Uint8Array && stanza.content.length > 0) {
    const bytes = Buffer.from(stanza.content)
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff
    return { ...stanza, content: bytes }
  }
  if (!Array.isArray(stanza.content)) return undefined
  let damaged = false
  const content = stanza.content.map((child) => {
    const changed = withDamagedCiphertext(child)
    if (changed !== undefined) damaged = true
    return changed ?? child
  })
  return damaged ? { ...stanza, content } : undefined
}

export function refusedMessage(message: BinaryNode, code: number, t: string): BinaryNode {
  return node('ack', { class: 'message', id: message.attrs.id, from: message.attrs.to, t, error: String(code) })
}

export function refusedIq(iq: BinaryNode, code: number, text: string): BinaryNode {
  return node('iq', { id: iq.attrs.id, from: iq.attrs.to, type: 'error' }, [node('error', { code: String(code), text })])
}
