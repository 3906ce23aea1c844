/** Stored messages that are news all the same: reported without content, which comes after all, or known from the history alone. */
import { sql } from 'kysely'
import type { Writer } from '../storage/database.ts'
import { keyText, type NewMessage } from './message-repository.ts'
import type { Plan } from './plan.ts'

export const hasContent = (message: Pick<NewMessage, 'wire'>): boolean => message.wire.length > 0

/** False: it came before, and everybody was told. */
export const isNews = async (tx: Writer, message: NewMessage): Promise<boolean> => (await fillIn(tx, message)) || toBeTold(tx, message)

/** The phone may hand over a new message with the history before WhatsApp delivers it. */
const toBeTold = async (tx: Writer, message: NewMessage): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('messages')
    .set({ from_history: 0 })
    .where('instance_id', '=', message.instance_id)
    .where('chat', '=', message.chat)
    .where('sender', '=', message.sender)
    .where('message_id', '=', message.message_id)
    .where('from_history', '=', 1)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Completes the stored message. False: it is not there, or has its content already. */
const fillIn = async (tx: Writer, message: NewMessage): Promise<boolean> => {
  if (!hasContent(message)) return false
  const { type, content, refers_to, media_type, wire, push_name } = message
  const { numUpdatedRows } = await tx
    .updateTable('messages')
    .set({ type, content, refers_to, media_type, wire, push_name })
    .where('instance_id', '=', message.instance_id)
    .where('chat', '=', message.chat)
    .where('sender', '=', message.sender)
    .where('message_id', '=', message.message_id)
    .where(sql<boolean>`length(wire) = 0`)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Of two plans for one message in a batch, the one without content only ends its inbox row. */
export const preferContent = (plans: readonly Plan[]): Plan[] => {
  if (plans.every(({ message }) => message === null || hasContent(message))) return [...plans]
  const readable = new Set(plans.flatMap(({ message }) => (message !== null && hasContent(message) ? [keyText(message)] : [])))
  return plans.map((plan) =>
    plan.message === null || hasContent(plan.message) || !readable.has(keyText(plan.message))
      ? plan
      : { ...plan, message: null, change: null, event: null },
  )
}
