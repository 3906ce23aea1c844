/**
 * What stands beside the encrypted content of a message, because WhatsApp's servers and clients look there before anybody has decrypted
 * anything. It follows from the message alone, so that a message that is sent once more, to a device that could not read it or to another
 * chat, has it again.
 */
import { randomBytes } from 'node:crypto'
import type { StanzaNode } from './engine.ts'
import { contentOf } from './envelopes.ts'
import type { WireMessage } from './wire.ts'

/** Empty for most messages. */
export const nodesBeside = (message: WireMessage): StanzaNode[] => {
  const content = contentOf(message)
  if (content.interactiveMessage) return [bizNode(content.interactiveMessage)]
  if (content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3) {
    return [{ tag: 'meta', attrs: { polltype: 'creation' } }]
  }
  return content.eventMessage ? [{ tag: 'meta', attrs: { event_type: 'creation' } }] : []
}

/** Without it the server takes a message with buttons, and no client shows it. */
const bizNode = ({ nativeFlowMessage }: NonNullable<WireMessage['interactiveMessage']>): StanzaNode => {
  const payment = nativeFlowMessage?.buttons?.map(({ name }) => payments.get(name ?? '')).find((name) => name !== undefined)
  return payment === undefined ? mixedNode() : paymentNode(payment)
}

/** The shape that was measured to be delivered and shown (engine.md §8.2; tulir/whatsmeow#1235). */
const mixedNode = (): StanzaNode => ({
  tag: 'biz',
  attrs: { actual_actors: '2', host_storage: '2', privacy_mode_ts: String(Math.floor(Date.now() / 1000)) },
  content: [
    {
      tag: 'interactive',
      attrs: { type: 'native_flow', v: '1' },
      content: [{ tag: 'native_flow', attrs: { v: '9', name: 'mixed' } }],
    },
    {
      tag: 'quality_control',
      attrs: { decision_id: randomBytes(20).toString('hex'), source_type: 'third_party' },
      content: [{ tag: 'decision_source', attrs: { value: 'df' } }],
    },
  ],
})

/** By the name of their button. Drawn on phones only when this name, and nothing else, stands in the node (vinikjkkj/zapo#228). */
const payments: ReadonlyMap<string, string> = new Map([
  ['payment_info', 'payment_info'],
  ['review_and_pay', 'order_details'],
])

const paymentNode = (name: string): StanzaNode => ({
  tag: 'biz',
  attrs: {},
  content: [{ tag: 'interactive', attrs: { type: 'native_flow', v: '1' }, content: [{ tag: 'native_flow', attrs: { name } }] }],
})
