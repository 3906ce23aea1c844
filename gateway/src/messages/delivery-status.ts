/** `GET /api/chat/status` (chat-profile-calls.md §20): how far a message has come. What changes later comes as `message.status`. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database, Reader } from '../storage/database.ts'
import type { MessageStatus } from '../storage/schema.ts'

const codes = { pending: 0, sent: 1, delivered: 2, received: 3, read: 4, played: 5, error: -1 } as const
type ShownStatus = keyof typeof codes

export const statusOperation = ({ db }: { db: Database }): Operation =>
  instanceOperation({
    id: 'chat.status',
    method: 'GET',
    path: '/api/chat/status/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'How far a message has come',
    description: 'At this moment. In a group it is as far as with the member it has come furthest with.',
    query: z.object({ messageId: requiredString('messageId query parameter is required').meta({ example: '3EB0AA11BB22CC33DD44' }) }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        message_id: z.string(),
        status: z.enum(Object.keys(codes) as [ShownStatus, ...ShownStatus[]]),
        status_code: z.number().int(),
        direction: z.enum(['sent', 'received']),
        chat_jid: z.string(),
        timestamp: z.string(),
      }),
    },
    errors: [
      { status: 400, message: 'messageId query parameter is required' },
      { status: 404, message: 'Message not found' },
      { status: 404, message: 'Message does not belong to this instance' },
    ],
    async handle({ scope, query: { messageId } }) {
      const found = await findStatus(db.read, scope.instance.id, messageId)
      if (found === null)
        throw new ApiError(
          404,
          (await isOfAnother(db.read, scope.account.id, messageId)) ? 'Message does not belong to this instance' : 'Message not found',
        )
      const status = shown(found.status, found.fromMe)
      return {
        status: 200,
        body: {
          success: true,
          message: 'Message status retrieved successfully',
          message_id: messageId,
          status,
          status_code: codes[status],
          direction: found.fromMe ? 'sent' : 'received',
          chat_jid: found.chat,
          timestamp: rfc3339(found.sentAt),
        },
      }
    },
  })

/** A received one has been delivered by being here; `failed` is this table's word for what the contract calls an error. */
const shown = (status: MessageStatus, fromMe: boolean): ShownStatus => {
  if (status === 'failed') return 'error'
  return fromMe || status === 'read' || status === 'played' ? status : 'received'
}

const findStatus = async (reader: Reader, instanceId: string, messageId: string) => {
  const row = await reader
    .selectFrom('messages')
    .select(['chat', 'status', 'from_me', 'sent_at'])
    .where('instance_id', '=', instanceId)
    .where('message_id', '=', messageId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? null : { chat: row.chat, status: row.status, fromMe: row.from_me === 1, sentAt: row.sent_at }
}

/** Of the same account: what others have is nobody's business. */
const isOfAnother = async (reader: Reader, accountId: string, messageId: string): Promise<boolean> => {
  const row = await reader
    .selectFrom('messages')
    .select('seq')
    .where('instance_id', 'in', (instances) => instances.selectFrom('instances').select('id').where('account_id', '=', accountId))
    .where('message_id', '=', messageId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
