/** What WhatsApp's servers say of the `biz` node beside a message, without reading the message (measured: tulir/whatsmeow#1235). */
import { type BinaryNode, childOf } from '../wire/nodes.ts'
import type { Verdict } from './stanza-copy.ts'

/** Undefined: nothing against it. Whether it is drawn, the phone decides. */
export function bizRefusal(message: BinaryNode): Verdict | undefined {
  const biz = childOf(message, 'biz')
  if (biz === undefined) return undefined
  if (childOf(biz, 'buttons') !== undefined) return { error: '405' }
  const interactive = childOf(biz, 'interactive')
  return interactive !== undefined && childOf(interactive, 'native_flow') === undefined ? { error: '479' } : undefined
}
