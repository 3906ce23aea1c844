/** `GET /api/chat/getMessage` (chat-profile-calls.md §3): a message as it was stored. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { readWireMedia } from '../media/wire-media.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { isGroupJid } from '../whatsapp/jid.ts'
import { decodeWireMessage } from '../whatsapp/wire.ts'
import { canonical } from './context.ts'
import { findMessage } from './message-repository.ts'
import type { SendingInstances } from './send.ts'

const missing = 'Message ID is required (use ?messageId=<message-id>)'

export const findMessageOperation = ({ db, instances }: { db: Database; instances: SendingInstances }): Operation =>
  instanceOperation({
    id: 'chat.getMessage',
    method: 'GET',
    path: '/api/chat/getMessage/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'A stored message by its id',
    query: z.object({ messageId: requiredString(missing).meta({ example: '3EB0AA11BB22CC33DD44' }) }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        messageId: z.string(),
        status: z.literal('found'),
        data: z.object({
          content: z.string(),
          type: z.string(),
          from: z.string(),
          to: z.string(),
          chat: z.string(),
          timestamp: z.string(),
          isGroup: z.boolean(),
          status: z.string(),
          media: z
            .object({ type: z.string(), mimeType: z.string(), size: z.number().nullable(), duration: z.number().optional() })
            .optional(),
        }),
      }),
    },
    errors: [
      { status: 400, message: missing },
      { status: 404, message: 'Message not found' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, query: { messageId } }) {
      // As the contract has it; nothing is asked of WhatsApp.
      instances.session(scope.instance.id)
      const row = await findMessage(db.read, scope.instance.id, messageId)
      if (row === null) throw new ApiError(404, 'Message not found')
      const isGroup = isGroupJid(row.chat)
      const media = readWireMedia(decodeWireMessage(row.wire))
      return {
        status: 200,
        body: {
          success: true,
          message: 'Message found',
          messageId,
          status: 'found',
          data: {
            content: row.content,
            type: row.type,
            from: row.sender,
            to: row.fromMe || isGroup ? row.chat : canonical(instances.self(scope.instance.id)),
            chat: row.chat,
            timestamp: rfc3339(row.sentAt),
            isGroup,
            status: row.status,
            ...(media === null
              ? {}
              : {
                  media: {
                    type: media.type,
                    mimeType: media.mimeType,
                    size: media.fileSize,
                    ...(media.seconds === null ? {} : { duration: media.seconds }),
                  },
                }),
          },
        },
      }
    },
  })
