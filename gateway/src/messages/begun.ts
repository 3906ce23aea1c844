/** A message that an earlier attempt under the same Idempotency-Key began to send. */
import { ulidFloor } from '../runtime/ids.ts'
import type { Reader } from '../storage/database.ts'
import { findMessage, type MessageRow } from './message-repository.ts'

export interface Begun extends MessageRow {
  /** Under which its media is kept; null without. */
  mediaId: string | null
}

/** Null: nothing was handed to WhatsApp under this id. */
export const findBegun = async (reader: Reader, instanceId: string, messageId: string): Promise<Begun | null> => {
  const row = await findMessage(reader, instanceId, messageId)
  if (row === null || !row.fromMe) return null
  const media = await reader
    .selectFrom('media')
    .select('id')
    .where('instance_id', '=', instanceId)
    .where('message_id', '=', messageId)
    .executeTakeFirst()
  return { ...row, mediaId: media?.id ?? null }
}

/** WhatsApp said that it has it. Of any other nobody knows, and it is handed over again: who has its id already shows it once. */
export const hasLeft = ({ status }: Begun): boolean => status !== 'pending' && status !== 'failed'

/** Steps along the events of the instance since the message was written. */
export const isAnnounced = async (
  reader: Reader,
  instanceId: string,
  lane: string,
  { messageId, sentAt }: Pick<Begun, 'messageId' | 'sentAt'>,
): Promise<boolean> => {
  const found = await reader
    .selectFrom('events')
    .select('id')
    .where('instance_id', '=', instanceId)
    .where('id', '>=', ulidFloor(sentAt - CLOCKS_DIFFER_MS))
    .where('lane', '=', lane)
    .where('name', '=', 'message.exchange')
    .where('data', 'like', `%"id":"${messageId}"%`)
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

/** WhatsApp's clock and ours. */
const CLOCKS_DIFFER_MS = 60_000
