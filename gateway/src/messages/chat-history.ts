/** `POST /api/chat/history` (chat-profile-calls.md §18): stored messages of a chat, newest first. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import type { IdentityStore } from '../whatsapp/engine.ts'
import { numberJid } from '../whatsapp/jid.ts'
import { canonical } from './context.ts'
import { messagesOf } from './message-repository.ts'
import { numberCandidates } from './number-candidates.ts'
import { parseRecipient, type Recipient } from './recipient.ts'

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
})

interface Collaborators {
  db: Database
  identitiesOf(instanceId: string): IdentityStore
}

export const historyOperation = ({ db, identitiesOf }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.history',
    method: 'POST',
    once: false,
    path: '/api/chat/history/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Stored messages of a chat',
    description: 'Newest first. For the next page send the timestamp of the oldest message as `to`; that message comes again.',
    body: historyBody,
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        chat_jid: z.string(),
        count: z.number().int(),
        hasMore: z.boolean(),
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
    ],
    async handle({ scope, body }) {
      const recipient = parseRecipient(body.number)
      if (recipient === null) throw new ApiError(400, 'Invalid number')
      const from = momentOf('from', body.from) ?? 0
      const to = momentOf('to', body.to) ?? Number.MAX_SAFE_INTEGER
      const limit = Math.min(body.count ?? USUAL_COUNT, MAX_COUNT)
      const chats = await chatsOf(identitiesOf(scope.instance.id), recipient)
      let [chat = ''] = chats
      let rows: Awaited<ReturnType<typeof messagesOf>> = []
      for (const candidate of chats) {
        rows = await messagesOf(db.read, scope.instance.id, candidate, { from, to, limit })
        if (rows.length === 0) continue
        chat = candidate
        break
      }
      return {
        status: 200,
        body: {
          success: true,
          message: 'Chat history retrieved successfully',
          chat_jid: chat,
          count: rows.length,
          hasMore: rows.length === limit,
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

/** Names the chat may be stored under, likeliest first: WhatsApp is not asked, so both forms of a number with an optional digit are looked for. */
const chatsOf = async (identities: IdentityStore, recipient: Recipient): Promise<string[]> => {
  if (recipient.kind === 'place') return [recipient.jid]
  if (recipient.kind === 'number') return (await numberCandidates(recipient.digits)).map(numberJid)
  const number = (await identities.numbersOf([recipient.digits])).get(recipient.digits)
  const lid = `${recipient.digits}@lid`
  return number === undefined ? [lid] : [canonical({ jid: numberJid(number), lid }), lid]
}

/** ISO 8601; without a zone it is UTC. Milliseconds, null when not given. Throws 400. */
const momentOf = (field: 'from' | 'to', text: string | null | undefined): number | null => {
  if (!text?.trim()) return null
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim())
  const milliseconds = iso === null ? Number.NaN : Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}${iso[3] ?? 'Z'}`)
  if (Number.isNaN(milliseconds)) throw new ApiError(400, badDate(field))
  return milliseconds
}
