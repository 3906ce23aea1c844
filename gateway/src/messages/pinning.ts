/** `POST /api/chat/pinMessage` (chat-profile-calls.md §13): a message at the top of its chat, for everybody in it. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { isGroupJid } from '../whatsapp/jid.ts'
import { findMessage } from './message-repository.ts'
import type { Sender } from './send.ts'

/** Seconds; WhatsApp's own three choices. */
const durations: Readonly<Record<string, number>> = { '24h': 86_400, '7d': 604_800, '30d': 2_592_000 }
const USUAL = '7d'

/** `PinInChatMessage.Type` of WAProto. */
const PIN = 1
const UNPIN = 2

interface Collaborators {
  db: Database
  clock: Clock
  sender: Sender
}

export const pinMessageOperation = ({ db, clock, sender }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.pinMessage',
    needs: ['message-pin'],
    method: 'POST',
    once: 'resumed',
    path: '/api/chat/pinMessage/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Pin a message in its chat, or unpin it',
    description: 'Everybody in the chat sees it; there is no pin for oneself alone.',
    body: z.object({
      messageId: requiredString('messageId is required').meta({ example: '3EB0AA11BB22CC33DD44' }),
      pin: z.boolean().nullish().meta({ example: true, description: 'Default `true`' }),
      duration: z
        .string()
        .nullish()
        .meta({ example: USUAL, description: `${Object.keys(durations).join(', ')}; default \`${USUAL}\`` }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        chat_jid: z.string(),
        message_id: z.string(),
        pinned: z.boolean(),
        duration: z.string().optional(),
      }),
    },
    errors: [
      { status: 400, message: 'messageId is required' },
      { status: 400, message: 'Invalid duration: <value>' },
      { status: 404, message: 'message with ID <id> not found' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, body, seed }) {
      const pinned = body.pin ?? true
      const duration = body.duration?.trim() || USUAL
      const seconds = Object.hasOwn(durations, duration) ? durations[duration] : undefined
      if (pinned && seconds === undefined) throw new ApiError(400, `Invalid duration: ${duration.slice(0, 100)}`)
      const row = await findMessage(db.read, scope.instance.id, body.messageId)
      if (row === null || row.revoked) throw new ApiError(404, `message with ID ${body.messageId.slice(0, 256)} not found`)
      const author = isGroupJid(row.chat) && !row.fromMe ? { participant: row.sender } : {}
      const key = { remoteJid: row.chat, fromMe: row.fromMe, id: row.messageId, ...author }
      await sender.send(
        scope.instance,
        { number: row.chat },
        {
          check() {},
          compose: async () => ({
            messageType: 'pin',
            content: '',
            message: {
              pinInChatMessage: { key, type: pinned ? PIN : UNPIN, senderTimestampMs: clock.now() },
              ...(pinned ? { messageContextInfo: { messageAddOnDurationInSecs: seconds ?? 0 } } : {}),
            },
            extras: { edit: 'pin' },
          }),
        },
        seed,
      )
      const names = { chat_jid: row.chat, message_id: row.messageId, pinned, ...(pinned ? { duration } : {}) }
      return { status: 200, body: { success: true, message: `Message ${pinned ? 'pinned' : 'unpinned'} successfully`, ...names } }
    },
  })
