/** `POST /api/chat/sync` (ours): asks the phone for messages of a chat older than those stored. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import { isNewsletterJid } from '../whatsapp/jid.ts'
import { canonical } from './context.ts'
import { oldestOf } from './message-repository.ts'
import { refusalOf } from './refusals.ts'
import type { SendingInstances } from './send.ts'
import type { StoredChats } from './stored-chats.ts'

/** What WhatsApp's own clients ask for at a time, and what phones are known to answer. */
const USUAL_COUNT = 50
const MAX_COUNT = 200

const texts = {
  count: `Count must be between 1 and ${MAX_COUNT}`,
  nothing: 'No message of this chat is stored yet',
  channel: 'Channels are not on the phone',
}

interface Collaborators {
  db: Database
  instances: SendingInstances
  chats: Pick<StoredChats, 'chatOf'>
}

export const syncOperation = ({ db, instances, chats }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.sync',
    needs: ['history-request'],
    method: 'POST',
    once: false,
    path: '/api/chat/sync/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'Ask the phone for older messages of a chat',
    description:
      'Ours. From the oldest stored message back. The phone answers when it gets to it, seconds after when it is on; what it sends is stored and announced to nobody: read it with `POST /api/chat/history`.',
    body: z.object({
      number: requiredString('Number is required').meta({ example: '34600111222', description: 'Number or JID of a person or group' }),
      count: z
        .int(texts.count)
        .min(1, texts.count)
        .max(MAX_COUNT, texts.count)
        .nullish()
        .meta({ example: USUAL_COUNT, description: `How many at most, up to ${MAX_COUNT}; default ${USUAL_COUNT}` }),
    }),
    answers: {
      202: z.object({
        success: z.literal(true),
        message: z.string(),
        requestId: z.string(),
        chat_jid: z.string(),
        count: z.int(),
        before: z.object({ messageId: z.string(), timestamp: z.string() }).meta({ description: 'The oldest stored message' }),
      }),
    },
    errors: [
      { status: 400, message: 'Number is required' },
      { status: 400, message: 'Invalid number' },
      { status: 400, message: texts.count },
      { status: 400, message: texts.channel },
      { status: 404, message: texts.nothing },
      { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
      { status: 500, message: 'Failed to request older messages: <reason>' },
      { status: 503, message: 'Instance is not connected to WhatsApp' },
    ],
    async handle({ scope, body }) {
      const instanceId = scope.instance.id
      const session = instances.session(instanceId)
      const chat = await chats.chatOf(instanceId, body.number)
      const jid = canonical(chat)
      if (isNewsletterJid(jid)) throw new ApiError(400, texts.channel)
      const oldest = await oldestOf(db.read, instanceId, jid)
      if (oldest === null) throw new ApiError(404, texts.nothing)
      const count = body.count ?? USUAL_COUNT
      const { messageId, fromMe, sender, sentAt } = oldest
      const key = { id: messageId, chat, sender: addressOf(sender), fromMe, timestamp: sentAt }
      const { requestId } = await session.requestOlder(key, count).catch((error: unknown) => {
        throw refusalOf(error, body.number, 'Failed to request older messages')
      })
      const message = 'Older messages requested. They are stored when the phone answers.'
      const before = { messageId, timestamp: rfc3339(sentAt) }
      return { status: 202, body: { success: true, message, requestId, chat_jid: jid, count, before } }
    },
  })
