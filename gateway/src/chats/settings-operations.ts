/** Settings of a chat that all devices of the account share (chat-profile-calls.md §9, 12, 14–16, 25). */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import { canonicalOf } from '../whatsapp/address.ts'
import { isUserJid } from '../whatsapp/jid.ts'
import type { ChatCollaborators } from './collaborators.ts'
import { favoritesWith } from './favorites.ts'
import { asked, chatErrors, numberField, route, settingErrors, switchField } from './route.ts'

const done = { success: z.literal(true), message: z.string() }
const ok = (message: string) => ({ success: true, message }) as const

export const settingOperations = (collaborators: ChatCollaborators): Operation[] => [
  archiveOperation(collaborators),
  pinOperation(collaborators, { id: 'chat.pinChat', path: '/api/chat/pinChat/:instance' }),
  pinOperation(collaborators, { id: 'chat.pin', path: '/api/chat/pin/:instance' }),
  muteOperation(collaborators),
  favoriteOperation(collaborators),
  blockOperation(collaborators),
  deleteOperation(collaborators),
]

const archiveOperation = ({ session, messages }: ChatCollaborators): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.archive',
    needs: ['chat-actions'],
    method: 'POST',
    once: false,
    path: '/api/chat/archive/:instance',
    summary: 'Archive a chat, or take it out of the archive',
    body: z.object({ number: numberField, archive: switchField('Into the archive') }),
    answers: { 200: z.object({ ...done, chat_jid: z.string(), archived: z.boolean() }) },
    errors: settingErrors,
    async handle({ scope: { instance }, body }) {
      const archived = body.archive ?? true
      const chat = await messages.chatOf(instance.id, body.number)
      const last = await messages.lastOf(instance.id, chat)
      await asked(() => session(instance.id).act({ kind: 'archive', chat, archived, last }))
      const names = { chat_jid: canonicalOf(chat), archived }
      return { status: 200, body: { ...ok(`Chat ${archived ? 'archived' : 'unarchived'} successfully`), ...names } }
    },
  })

const pinOperation = (
  { session, messages }: ChatCollaborators,
  { id, path }: { id: string; path: `/api/chat/${string}/:instance` },
): Operation =>
  instanceOperation({
    ...route,
    id,
    needs: ['chat-actions'],
    method: 'POST',
    once: false,
    path,
    summary: 'Pin a chat to the top, or unpin it',
    description: 'WhatsApp shows three pinned chats.',
    body: z.object({ number: numberField, pin: switchField('Pinned') }),
    answers: { 200: z.object({ ...done, chat_jid: z.string(), pinned: z.boolean() }) },
    errors: settingErrors,
    async handle({ scope: { instance }, body }) {
      const pinned = body.pin ?? true
      const chat = await messages.chatOf(instance.id, body.number)
      await asked(() => session(instance.id).act({ kind: 'pin', chat, pinned }))
      const names = { chat_jid: canonicalOf(chat), pinned }
      return { status: 200, body: { ...ok(`Chat ${pinned ? 'pinned' : 'unpinned'} successfully`), ...names } }
    },
  })

const HOUR = 3600
/** Seconds, and how they are told; 0 is for ever. */
const durations: readonly { names: readonly string[]; seconds: number; told: string }[] = [
  { names: ['8h', '8 hours'], seconds: 8 * HOUR, told: 'Chat muted for 8 hours' },
  { names: ['1w', '7d', '1 week'], seconds: 7 * 24 * HOUR, told: 'Chat muted for 1 week' },
  { names: ['', 'always', 'forever', 'permanent'], seconds: 0, told: 'Chat muted permanently' },
]

const muteOperation = ({ session, messages }: ChatCollaborators): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.mute',
    needs: ['chat-actions'],
    method: 'POST',
    once: false,
    path: '/api/chat/mute/:instance',
    summary: 'Mute a chat, or unmute it',
    body: z.object({
      number: numberField,
      mute: switchField('Muted'),
      duration: z.string().nullish().meta({ example: '8h', description: '`8h`, `1w` or `always` (default); it ends by itself' }),
    }),
    answers: { 200: z.object({ ...done, chat_jid: z.string(), muted: z.boolean(), duration: z.number().int() }) },
    errors: [...settingErrors, { status: 400, message: 'Invalid duration: <value>' }],
    async handle({ scope: { instance }, body }) {
      const muted = body.mute ?? true
      const wanted = (body.duration ?? '').trim().toLowerCase()
      const duration = durations.find(({ names }) => names.includes(wanted))
      if (muted && duration === undefined) throw new ApiError(400, `Invalid duration: ${wanted.slice(0, 100)}`)
      const seconds = muted ? (duration?.seconds ?? 0) : 0
      const chat = await messages.chatOf(instance.id, body.number)
      const until = seconds === 0 ? null : Date.now() + seconds * 1000
      await asked(() => session(instance.id).act({ kind: 'mute', chat, muted, until }))
      const told = muted ? (duration?.told ?? '') : 'Chat notifications unmuted successfully'
      return { status: 200, body: { ...ok(told), chat_jid: canonicalOf(chat), muted, duration: seconds } }
    },
  })

const neither = 'Either number or messageId is required'

const favoriteOperation = ({ db, session, messages }: ChatCollaborators): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.favorite',
    needs: ['chat-actions'],
    method: 'POST',
    once: false,
    path: '/api/chat/favorite/:instance',
    summary: 'Make a chat a favourite, or star a message, or take either back',
    description: 'For the account alone: nobody else sees it.',
    body: z.object({
      number: z.string().nullish().meta({ example: '34600111222', description: 'A chat; ignored with `messageId`' }),
      messageId: z.string().nullish().meta({ example: '3EB0AA11BB22CC33DD44', description: 'A message' }),
      favorite: switchField('Favourite, starred'),
    }),
    answers: {
      200: z.object({
        ...done,
        type: z.enum(['chat', 'message']),
        chat_jid: z.string(),
        message_id: z.string().optional(),
        favorite: z.boolean(),
      }),
    },
    errors: [
      ...settingErrors.filter(({ message }) => message !== 'Number is required'),
      { status: 400, message: neither },
      { status: 404, message: 'Message not found' },
    ],
    async handle({ scope: { instance }, body }) {
      const messageId = body.messageId?.trim()
      const number = body.number?.trim()
      const favorite = body.favorite ?? true
      if (!messageId) {
        if (!number) throw new ApiError(400, neither)
        const chat = await messages.chatOf(instance.id, number)
        await asked(() => session(instance.id).setFavorites(() => favoritesWith(db.read, instance.id, chat, favorite)))
        const told = favorite ? 'Chat favorited successfully' : 'Chat unfavorited successfully'
        return { status: 200, body: { ...ok(told), type: 'chat', chat_jid: canonicalOf(chat), favorite } }
      }
      const found = await messages.find(instance.id, messageId)
      if (found === null) throw new ApiError(404, 'Message not found')
      await asked(() => session(instance.id).act({ kind: 'star', message: found.key, starred: favorite }))
      const told = favorite ? 'Message favorited successfully' : 'Message unfavorited successfully'
      const names = { type: 'message', chat_jid: canonicalOf(found.key.chat), message_id: messageId, favorite } as const
      return { status: 200, body: { ...ok(told), ...names } }
    },
  })

const nobody = 'Only people can be blocked'

const blockOperation = ({ session, messages }: ChatCollaborators): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.block',
    needs: ['blocking'],
    method: 'POST',
    once: false,
    path: '/api/chat/block/:instance',
    summary: 'Block a person, or unblock them',
    body: z.object({ number: numberField, block: switchField('Blocked') }),
    answers: { 200: z.object({ ...done, contact_jid: z.string(), blocked: z.boolean(), blocked_count: z.number().int() }) },
    errors: [...chatErrors, { status: 400, message: nobody }],
    async handle({ scope: { instance }, body }) {
      const blocked = body.block ?? true
      const person = await messages.chatOf(instance.id, body.number)
      if (person.lid === null && !isUserJid(person.jid ?? '')) throw new ApiError(400, nobody)
      const count = await asked(() => session(instance.id).setBlocked(person, blocked))
      const names = { contact_jid: canonicalOf(person), blocked, blocked_count: count }
      return { status: 200, body: { ...ok(`Contact ${blocked ? 'blocked' : 'unblocked'} successfully`), ...names } }
    },
  })

const deleteOperation = ({ session, messages, removeMedia }: ChatCollaborators): Operation =>
  instanceOperation({
    ...route,
    id: 'chat.deleteChat',
    needs: ['chat-actions'],
    method: 'DELETE',
    path: '/api/chat/deleteChat/:instance',
    summary: 'Delete a chat from the devices of the account',
    description: 'Others keep theirs; a group is not left. What was stored of it here goes too.',
    body: z.object({
      number: numberField,
      deleteMedia: z.boolean().nullish().meta({ example: false, description: 'Its stored files as well (never those in a bucket)' }),
    }),
    answers: { 200: z.object({ ...done, chat_jid: z.string(), delete_media: z.boolean() }) },
    errors: settingErrors,
    async handle({ scope: { instance }, body }) {
      const withMedia = body.deleteMedia ?? false
      const chat = await messages.chatOf(instance.id, body.number)
      const last = await messages.lastOf(instance.id, chat)
      await asked(() => session(instance.id).act({ kind: 'delete-chat', chat, last }))
      if (withMedia) await removeMedia(instance.id, canonicalOf(chat))
      const told = withMedia ? 'Chat deleted successfully (including media)' : 'Chat deleted successfully'
      return { status: 200, body: { ...ok(told), chat_jid: canonicalOf(chat), delete_media: withMedia } }
    },
  })
