/** Marking as read: one message, or all of a chat (chat-profile-calls.md §10, 11). */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import type { Address } from '../whatsapp/engine.ts'
import { isGroupJid, lidJid, numberJid, parseJid } from '../whatsapp/jid.ts'
import type { ChatCollaborators } from './collaborators.ts'
import { asked, chatErrors, numberField, route, settingErrors, switchField } from './route.ts'

const noSender = 'sender is required for group messages'

export const readOperations = ({ session, messages }: ChatCollaborators): Operation[] => [
  instanceOperation({
    ...route,
    id: 'chat.markRead',
    needs: ['read-receipts'],
    method: 'POST',
    once: false,
    path: '/api/chat/markRead/:instance',
    summary: 'Mark a message as read',
    description: 'Its sender sees it, unless read receipts are off.',
    body: z.object({
      messageId: requiredString('messageId is required').meta({ example: '3EB0AA11BB22CC33DD44' }),
      number: numberField,
      sender: z.string().nullish().meta({ example: '34600111222@s.whatsapp.net', description: 'Its author; required in groups' }),
    }),
    answers: { 200: z.object({ success: z.literal(true), message: z.string(), message_id: z.string(), chat_jid: z.string() }) },
    errors: [
      ...chatErrors,
      { status: 400, message: 'messageId is required' },
      { status: 400, message: noSender },
      { status: 400, message: 'Invalid sender' },
    ],
    async handle({ scope: { instance }, body }) {
      const chat = await messages.chatOf(instance.id, body.number)
      const inGroup = isGroupJid(canonicalOf(chat))
      if (inGroup && !body.sender?.trim()) throw new ApiError(400, noSender)
      const sender = inGroup ? personOf(body.sender ?? '') : chat
      const message = { id: body.messageId, chat, sender, fromMe: false }
      await asked(() => session(instance.id).markRead([message]))
      await messages.noteRead(instance.id, [message])
      const names = { message_id: body.messageId, chat_jid: canonicalOf(chat) }
      return { status: 200, body: { success: true, message: 'Message marked as read successfully', ...names } }
    },
  }),
  instanceOperation({
    ...route,
    id: 'chat.markChatRead',
    needs: ['read-receipts', 'chat-actions'],
    method: 'POST',
    once: false,
    path: '/api/chat/markChatRead/:instance',
    summary: 'Mark a chat as read, or as unread',
    description: 'Read: senders of what is stored and unread see it too.',
    body: z.object({ number: numberField, read: switchField('Read') }),
    answers: { 200: z.object({ success: z.literal(true), message: z.string(), chat_jid: z.string(), read: z.boolean() }) },
    errors: settingErrors,
    async handle({ scope: { instance }, body }) {
      const read = body.read ?? true
      const chat = await messages.chatOf(instance.id, body.number)
      const last = await messages.lastOf(instance.id, chat)
      await asked(async () => {
        const unread = read ? await messages.unreadOf(instance.id, chat) : []
        const keys = unread.map(({ key }) => key)
        if (keys.length > 0) await session(instance.id).markRead(keys)
        await messages.noteRead(instance.id, keys)
        await session(instance.id).act({ kind: 'mark-read', chat, read, last })
      })
      const message = `Chat marked as ${read ? 'read' : 'unread'} successfully`
      return { status: 200, body: { success: true, message, chat_jid: canonicalOf(chat), read } }
    },
  }),
]

/** Throws 400 for what names no person. */
const personOf = (text: string): Address => {
  const jid = parseJid(text.trim())
  if (jid?.server === 'lid') return { jid: null, lid: lidJid(jid.user) }
  const digits = jid?.server === 's.whatsapp.net' ? jid.user : text.replace(/[\s@+().-]/g, '')
  if (!/^\d{5,20}$/.test(digits)) throw new ApiError(400, 'Invalid sender')
  return { jid: numberJid(digits), lid: null }
}
