/** Reading and building stanzas. */
import type { BinaryNode } from 'baileys'

export type { BinaryNode }

export const SERVER_JID = 's.whatsapp.net'

/** A node; attributes that are undefined are left out, because the codec counts them otherwise. */
export function node(tag: string, attrs: Record<string, string | undefined> = {}, content?: BinaryNode['content']): BinaryNode {
  const present: Record<string, string> = {}
  for (const name in attrs) {
    const value = attrs[name]
    if (value !== undefined) present[name] = value
  }
  return content === undefined ? { tag, attrs: present } : { tag, attrs: present, content }
}

export function childrenOf(parent: BinaryNode | undefined): readonly BinaryNode[] {
  return parent !== undefined && Array.isArray(parent.content) ? parent.content : []
}

export function childOf(parent: BinaryNode | undefined, tag: string): BinaryNode | undefined {
  return childrenOf(parent).find((child) => child.tag === tag)
}

export function childrenNamed(parent: BinaryNode | undefined, tag: string): BinaryNode[] {
  return childrenOf(parent).filter((child) => child.tag === tag)
}

/** Content as bytes. Short texts may arrive as strings because the codec knows tokens and packed digits. */
export function bytesOf(owner: BinaryNode | undefined): Buffer | undefined {
  const content = owner?.content
  if (typeof content === 'string') return Buffer.from(content, 'utf8')
  if (content instanceof Uint8Array) return Buffer.isBuffer(content) ? content : Buffer.from(content)
  return undefined
}

export function textOf(owner: BinaryNode | undefined): string | undefined {
  return bytesOf(owner)?.toString('utf8')
}

/** The id and, in a `<list>`, all further ids a receipt speaks of. */
export function idsOf(receipt: BinaryNode): string[] {
  const ids = receipt.attrs.id === undefined ? [] : [receipt.attrs.id]
  for (const item of childrenNamed(childOf(receipt, 'list'), 'item')) {
    if (item.attrs.id !== undefined) ids.push(item.attrs.id)
  }
  return ids
}
