/** `POST /api/chat/history` (chat-profile-calls.md §18): stored messages of a chat, newest first. */
import { z } from 'zod'
import { parseCursor, writeCursor } from '../chats/paging.ts'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { parseMoment, rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { messagesOf } from './message-repository.ts'
import type { StoredChats } from './stored-chats.ts'

/** The contract knows no limit; an answer is held in memory. */
const MAX_COUNT = 1_000
const USUAL_COUNT = 50

const badDate = (field: string) => `invalid '${field}' date format. Use ISO 8601 format (e.g., '2026-02-16T18:32:39Z')`

const historyBody = z.object({
  number: requiredString('Number is required').meta({ example: '34600111222', description: 'Number or JID of a person, group or channel' }),
  count: z
    .int()
    .min(1)
    .nullish()
    .meta({ example: USUAL_COUNT, description: `How many; more than ${MAX_COUNT} counts as ${MAX_COUNT}` }),
  from: z.string().nullish().meta({ example: '2026-05-01T00:00:00Z', description: 'Not before this moment' }),
  to: z
    .string()
    .nullish()
    .meta({ example: '2026-05-02T08:15:00Z', description: 'Not after this moment; the oldest of a page gives the next' }),
  cursor: z.string().max(500).nullish().meta({ description: '`nextCursor` of the page before' }),
})

interface Collaborators {
  db: Database
  chats: Pick<StoredChats, 'namesOfChat'>
}

export const historyOperation = ({ db, chats: { namesOfChat } }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.history',
    method: 'POST',
    once: false,
    path: '/api/chat/history/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Stored messages of a chat',
    description:
      'Newest first. For the next page send `nextCursor` as `cursor` (ours), or the timestamp of the oldest message as `to`; that message comes again then.',
    body: historyBody,
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        chat_jid: z.string(),
        count: z.number().int(),
        hasMore: z.boolean(),
        nextCursor: z.string().nullable(),
        messages: z.array(
          z.object({
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
          }),
        ),
      }),
    },
    errors: [
      { status: 400, message: 'Number is required' },
      { status: 400, message: 'Invalid number' },
      { status: 400, message: badDate('from') },
      { status: 400, message: badDate('to') },
      { status: 400, message: 'Invalid cursor' },
    ],
    async handle({ scope, body }) {
      const chats = await namesOfChat(scope.instance.id, body.number)
      const from = momentOf('from', body.from) ?? 0
      const to = momentOf('to', body.to) ?? Number.MAX_SAFE_INTEGER
      const before = positionIn(body.cursor)
      const limit = Math.min(body.count ?? USUAL_COUNT, MAX_COUNT)
      let [chat = ''] = chats
      let rows: Awaited<ReturnType<typeof messagesOf>> = []
      for (const candidate of chats) {
        rows = await messagesOf(db.read, scope.instance.id, candidate, { from, to, before, limit })
        if (rows.length === 0) continue
        chat = candidate
        break
      }
      const last = rows.at(-1)
      return {
        status: 200,
        body: {
          success: true,
          message: 'Chat history retrieved successfully',
          chat_jid: chat,
          count: rows.length,
          hasMore: rows.length === limit,
          nextCursor: rows.length < limit || last === undefined ? null : writeCursor([last.sentAt, last.seq]),
          messages: rows.map((row) => ({
            id: row.messageId,
            chatJid: row.chat,
            senderJid: row.sender,
            fromMe: row.fromMe,
            type: row.type,
            content: row.content,
            timestamp: rfc3339(row.sentAt),
            status: row.status,
            source: row.source,
            revoked: row.revoked,
          })),
        },
      }
    },
  })

/** Milliseconds, null when not given. Throws 400. */
const momentOf = (field: 'from' | 'to', text: string | null | undefined): number | null => {
  if (!text?.trim()) return null
  const moment = parseMoment(text)
  if (moment === null) throw new ApiError(400, badDate(field))
  return moment
}

const positionIn = (cursor: string | null | undefined): { sentAt: number; seq: number } | null => {
  if (!cursor) return null
  const [sentAt, seq] = parseCursor(cursor, /^(\d{1,15}) (\d{1,15})$/)
  return { sentAt: Number(sentAt), seq: Number(seq) }
}
