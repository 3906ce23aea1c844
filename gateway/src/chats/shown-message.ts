/** A stored message as lists and search results show it, in the words of `POST /api/chat/history`. */
import { z } from 'zod'
import { rfc3339 } from '../runtime/clock.ts'
import type { Reader } from '../storage/database.ts'

export const shownMessage = z.object({
  id: z.string(),
  chatJid: z.string(),
  senderJid: z.string(),
  fromMe: z.boolean(),
  type: z.string(),
  content: z.string(),
  timestamp: z.string(),
  status: z.string(),
  source: z.string(),
  revoked: z.boolean(),
  starred: z.boolean(),
})

export type ShownMessage = z.infer<typeof shownMessage>

/** Those of the instance among them, in no order. */
export const showMessages = async (
  reader: Reader,
  instanceId: string,
  seqs: readonly number[],
): Promise<{ seq: number; sentAt: number; shown: ShownMessage }[]> => {
  if (seqs.length === 0) return []
  const rows = await reader
    .selectFrom('messages')
    .select([
      'seq',
      'instance_id',
      'message_id',
      'chat',
      'sender',
      'from_me',
      'type',
      'content',
      'edited_content',
      'sent_at',
      'status',
      'source',
      'revoked',
      'starred',
    ])
    // By their numbers alone: SQLite would take the instance for the smaller set, and read all of it.
    .where('seq', 'in', [...seqs])
    .execute()
  const own = rows.filter((row) => row.instance_id === instanceId)
  return own.map((row) => ({
    seq: row.seq,
    sentAt: row.sent_at,
    shown: {
      id: row.message_id,
      chatJid: row.chat,
      senderJid: row.sender,
      fromMe: row.from_me === 1,
      type: row.type,
      content: row.edited_content ?? row.content,
      timestamp: rfc3339(row.sent_at),
      status: row.status,
      source: row.source,
      revoked: row.revoked === 1,
      starred: row.starred === 1,
    },
  }))
}
