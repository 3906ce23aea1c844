/** `POST /api/chat/forward` (chat-profile-calls.md §22): a stored message, sent on to somebody else. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import type { Database } from '../storage/database.ts'
import { openEnvelopes } from '../whatsapp/envelopes.ts'
import { isNewsletterJid } from '../whatsapp/jid.ts'
import { decodeWireMessage, type WireMessage } from '../whatsapp/wire.ts'
import { findMessage, type MessageRow } from './message-repository.ts'
import type { Sender } from './send.ts'

/** Of WAProto; media stays where WhatsApp has it, under the key it has. */
const forwarded = [
  'conversation',
  'extendedTextMessage',
  'imageMessage',
  'videoMessage',
  'audioMessage',
  'documentMessage',
  'stickerMessage',
  'contactMessage',
  'contactsArrayMessage',
  'locationMessage',
] as const satisfies readonly (keyof WireMessage)[]

/** From this on WhatsApp shows "forwarded many times"; it counts no further. */
const MANY_TIMES = 127

interface Collaborators {
  db: Database
  sender: Sender
}

export const forwardOperation = ({ db, sender }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.forward',
    needs: ['text'],
    method: 'POST',
    path: '/api/chat/forward/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Forward a message',
    description: 'Texts, images, videos, sounds, documents, stickers, contacts and locations. It arrives marked as forwarded.',
    body: z.object({
      messageId: requiredString('messageId is required').meta({ example: '3EB0AA11BB22CC33DD44' }),
      to: requiredString('to is required').meta({ example: '34600333444', description: 'Number or JID, one' }),
    }),
    once: 'resumed',
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        messageId: z.string(),
        originalId: z.string(),
        destinationJid: z.string(),
      }),
    },
    errors: [
      { status: 400, message: 'messageId is required' },
      { status: 400, message: 'to is required' },
      { status: 400, message: 'Invalid number' },
      { status: 400, message: 'Number <digits> is not registered on WhatsApp' },
      { status: 404, message: 'message not found' },
      { status: 500, message: 'unsupported message type for forwarding: <type>' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, body: { messageId, to }, seed }) {
      const row = await findMessage(db.read, scope.instance.id, messageId)
      if (row === null || row.revoked) throw new ApiError(404, 'message not found')
      const message = forwardable(row, to)
      if (message === null) throw new ApiError(500, `unsupported message type for forwarding: ${row.type}`)
      const compose = async () => ({ messageType: row.type, content: row.content, message })
      const sent = await sender.send(scope.instance, { number: to }, { check() {}, compose }, seed)
      const names = { messageId: sent.messageId, originalId: messageId, destinationJid: sent.chat.jid ?? sent.chat.lid ?? '' }
      return { status: 200, body: { success: true, message: 'Message forwarded successfully', ...names } }
    },
  })

/** The content alone, marked as forwarded; what it quoted and whom it mentioned stays behind. Null: of a kind that is not forwarded. */
export const forwardable = (
  { wire, content: text, type }: Pick<MessageRow, 'wire' | 'content' | 'type'>,
  to: string,
): WireMessage | null => {
  const { message, viewOnce } = openEnvelopes(decodeWireMessage(wire))
  const field = forwarded.find((name) => message[name])
  if (field === undefined || viewOnce) return null
  if (field === 'conversation' || field === 'extendedTextMessage') {
    // It may have been edited since.
    return type === 'text' ? { extendedTextMessage: { text, contextInfo: mark(message.extendedTextMessage?.contextInfo) } } : null
  }
  const content = message[field]
  if (!content || ('viewOnce' in content && content.viewOnce)) return null
  // Channels take media as it is, and WhatsApp has it encrypted.
  if ('directPath' in content && isNewsletterJid(to.trim())) return null
  return { [field]: { ...content, contextInfo: mark(content.contextInfo) } }
}

const mark = (before: { forwardingScore?: number | null } | null | undefined) => ({
  isForwarded: true,
  forwardingScore: Math.min((before?.forwardingScore ?? 0) + 1, MANY_TIMES),
})
