/** Reading stanzas, and writing what the engine's caller adds to one. */
import type { BinaryNode } from 'baileys'
import type { StanzaNode } from '../../engine.ts'

export const childrenOf = (node: BinaryNode | undefined): readonly BinaryNode[] => (Array.isArray(node?.content) ? node.content : [])

export const childrenNamed = (node: BinaryNode | undefined, tag: string): readonly BinaryNode[] =>
  childrenOf(node).filter((child) => child.tag === tag)

export const childOf = (node: BinaryNode | undefined, tag: string): BinaryNode | undefined =>
  childrenOf(node).find((child) => child.tag === tag)

/** Empty where there is none. */
export const textOf = (node: BinaryNode | undefined): string => {
  const content = node?.content
  return typeof content === 'string' ? content : content instanceof Uint8Array ? Buffer.from(content).toString() : ''
}

/** Seconds as they stand in attributes, in ms; null when there are none. */
export const timeOf = (seconds: string | undefined): number | null => {
  const value = Number(seconds)
  return Number.isFinite(value) && value > 0 ? value * 1000 : null
}

/** A number as it stands in an attribute; null when it is none. */
export const numberOf = (text: string | undefined): number | null => {
  const value = text === undefined ? Number.NaN : Number(text)
  return Number.isFinite(value) ? value : null
}

export const toBinaryNode = ({ tag, attrs, content }: StanzaNode): BinaryNode => ({
  tag,
  attrs: { ...attrs },
  ...(content === undefined ? {} : { content: isNodes(content) ? content.map(toBinaryNode) : content }),
})

const isNodes = (content: NonNullable<StanzaNode['content']>): content is readonly StanzaNode[] => Array.isArray(content)
