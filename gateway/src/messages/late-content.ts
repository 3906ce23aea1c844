/** Messages that were reported without content, because nobody could read them, and whose content comes after all. */
import { sql } from 'kysely'
import type { Writer } from '../storage/database.ts'
import { keyText, type NewMessage } from './message-repository.ts'
import type { Plan } from './plan.ts'

export const hasContent = (message: Pick<NewMessage, 'wire'>): boolean => message.wire.length > 0

/** Completes the stored message. False: it is not there, or has its content already. */
export const fillIn = async (tx: Writer, message: NewMessage): Promise<boolean> => {
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
