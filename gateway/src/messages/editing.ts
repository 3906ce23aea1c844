/** `POST /api/chat/edit` (chat-profile-calls.md §23): a sent text says something else now. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { applyChange, findMessage, type MessageRow } from './message-repository.ts'
import type { Sender } from './send.ts'

const MAX_TEXT = 65_536
/** WhatsApp's own clients take no edit that comes later. */
const EDITABLE_MS = 15 * 60 * 1000
/** `ProtocolMessage.Type.MESSAGE_EDIT` of WAProto. */
const MESSAGE_EDIT = 14

const refusals = {
  notOurs: 'You can only edit messages sent by this instance',
  noText: 'You can only edit text messages',
  old: 'Message is too old to edit (15 minutes)',
}

interface Collaborators {
  db: Database
  clock: Clock
  sender: Sender
}

export const editOperation = ({ db, clock, sender }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.edit',
    needs: ['edit'],
    method: 'POST',
    path: '/api/chat/edit/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Edit a sent text',
    description: 'Within 15 minutes. Those who got it see the new text, marked as edited.',
    body: z.object({
      messageId: requiredString('messageId is required').meta({ example: '3EB0AA11BB22CC33DD44' }),
      content: requiredString('content is required')
        .refine((text) => [...text].length <= MAX_TEXT, `content must have at most ${MAX_TEXT} characters`)
        .meta({ example: 'See you at 10' }),
    }),
    once: 'resumed',
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        messageId: z.string(),
        chatJid: z.string(),
        oldContent: z.string(),
        newContent: z.string(),
      }),
    },
    errors: [
      { status: 400, message: 'messageId is required' },
      { status: 400, message: 'content is required' },
      ...Object.values(refusals).map((message) => ({ status: 400, message })),
      { status: 404, message: 'message not found' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, body: { messageId, content }, seed }) {
      const row = await findMessage(db.read, scope.instance.id, messageId)
      if (row === null || row.revoked) throw new ApiError(404, 'message not found')
      const refusal = refusalTo(row, clock.now())
      if (refusal !== null) throw new ApiError(400, refusal)
      await sender.send(
        scope.instance,
        { number: row.chat },
        {
          check() {},
          async compose() {
            const key = { remoteJid: row.chat, fromMe: true, id: messageId }
            const editedMessage = { extendedTextMessage: { text: content } }
            return {
              messageType: 'message_edit',
              content,
              message: { protocolMessage: { key, type: MESSAGE_EDIT, editedMessage, timestampMs: clock.now() } },
              extras: { edit: 'edit' },
            }
          },
        },
        seed,
      )
      await db.write((tx) => applyChange(tx, scope.instance.id, { kind: 'edit', chat: row.chat, sender: row.sender, messageId, content }))
      const names = { messageId, chatJid: row.chat, oldContent: row.content, newContent: content }
      return { status: 200, body: { success: true, message: 'Message edited successfully', ...names } }
    },
  })

const refusalTo = ({ fromMe, type, sentAt }: MessageRow, now: number): string | null => {
  if (!fromMe) return refusals.notOurs
  if (type !== 'text') return refusals.noText
  return now - sentAt > EDITABLE_MS ? refusals.old : null
}
