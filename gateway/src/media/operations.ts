/** `GET /api/chat/base64` (chat-profile-calls.md §19): the media of a message, as JSON that is written while the file is read. */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { ApiError, errors } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { base64Length, encodeBase64 } from './base64.ts'
import type { OpenMedia, StoredMedia } from './media.ts'

interface Collaborators {
  find(instanceId: string, messageId: string): Promise<StoredMedia | null>
  open(instanceId: string, id: string): Promise<OpenMedia | null>
  isConnected(instanceId: string): boolean
}

const notThere = () => new ApiError(404, 'Message not found or no media available')

export const mediaOperations = ({ find, open, isConnected }: Collaborators): Operation[] => [
  instanceOperation({
    id: 'chat.base64',
    method: 'GET',
    path: '/api/chat/base64/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Media of a message as base64',
    description:
      'Of messages in both directions. Media that is still on its way is waited for, at most until the message is 20 seconds old.',
    query: z.object({ messageId: requiredString('messageId query parameter is required').meta({ example: '3EB0AA11BB22CC33DD44' }) }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        message_id: z.string(),
        mime_type: z.string(),
        media_type: z.enum(['image', 'video', 'audio', 'document', 'sticker']),
        base64: z.string(),
      }),
    },
    errors: [
      { status: 400, message: 'messageId query parameter is required' },
      { status: 404, message: 'Message not found or no media available' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, query }) {
      const { id: instanceId } = scope.instance
      if (!isConnected(instanceId)) throw errors.notConnected()
      const media = await find(instanceId, query.messageId)
      const opened = media === null ? null : await open(instanceId, media.id)
      if (media === null || opened === null) throw notThere()
      const { size, stream } = answerOf(media, opened)
      return { status: 200, body: stream, headers: { 'content-type': 'application/json; charset=utf-8', 'content-length': String(size) } }
    },
  }),
]

const answerOf = ({ messageId, mimeType, type }: StoredMedia, { size, stream }: OpenMedia): { size: number; stream: Readable } => {
  const fields = { success: true, message: 'Base64 retrieved successfully', message_id: messageId, mime_type: mimeType, media_type: type }
  const before = Buffer.from(`${JSON.stringify(fields).slice(0, -1)},"base64":"`)
  const after = Buffer.from('"}')
  const pieces = async function* () {
    yield before
    yield* encodeBase64(stream())
    yield after
  }
  return { size: before.length + base64Length(size) + after.length, stream: Readable.from(pieces(), { objectMode: false }) }
}
