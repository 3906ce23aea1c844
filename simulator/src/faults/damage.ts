/** What faults make of stanzas: pure. */
import { type BinaryNode, node } from '../wire/nodes.ts'

/** A copy in which every ciphertext has a byte flipped; undefined when there is none to damage. */
export function withDamagedCiphertext(stanza: BinaryNode): BinaryNode | undefined {
  if ((stanza.tag === 'enc' || stanza.tag === 'patch') && stanza.content instanceof Uint8Array && stanza.content.length > 0) {
    const bytes = Buffer.from(stanza.content)
    // Of a message the last one; a patch ends with the name of its key, and its ciphertext is in the middle.
    const at = stanza.tag === 'enc' ? bytes.length - 1 : Math.floor(bytes.length / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
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

/** Whether an element of this name stands anywhere in it. */
export function contains(stanza: BinaryNode, tag: string): boolean {
  return Array.isArray(stanza.content) && stanza.content.some((child) => child.tag === tag || contains(child, tag))
}
