/** Labels, which the API calls tags: listed, made, deleted, put on chats and taken off (chat-profile-calls.md §4–8). */
import { z } from 'zod'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import type { Label } from '../labels/chat-labels.ts'
import { tagNotFound } from '../labels/labels.ts'
import type { ChatCollaborators } from './collaborators.ts'
import { asked, chatErrors, notConnected, notReady, numberField, overtaken, route, settingErrors } from './route.ts'

const NAME_LIMIT = 100
/** Colours of WhatsApp's palette. */
const COLORS = 11

const noName = 'Tag name is required'
const nameTooLong = `Tag name must be at most ${NAME_LIMIT} characters`
const noTagInQuery = 'tagId query parameter is required'
const noNumberInQuery = 'number query parameter is required'
const noTag = 'tagId is required'

export const tagShape = z.object({
  id: z.string().meta({ example: '4' }),
  name: z.string(),
  color: z.number().int(),
  type: z.string().meta({ example: 'CUSTOM' }),
  deleted: z.boolean(),
})

export const toTag = ({ id, name, color, type, deleted }: Label): z.infer<typeof tagShape> => ({ id, name, color, type, deleted })

const done = { success: z.literal(true), message: z.string() }
const ok = (message: string) => ({ success: true, message }) as const
const whatsAppErrors = [
  { status: 409, message: notReady },
  { status: 409, message: overtaken },
  ...chatErrors.filter(({ status }) => status !== 400),
]
const unknownTag = { status: 404, message: tagNotFound }

export const tagOperations = ({ session, messages, labels }: ChatCollaborators): Operation[] => [
  instanceOperation({
    ...route,
    id: 'chat.tags',
    method: 'GET',
    path: '/api/chat/tag/:instance',
    summary: 'List labels',
    description: 'Of all devices of the account. WhatsApp is not asked.',
    answers: { 200: z.object({ ...done, tags: z.array(tagShape), total: z.number().int() }) },
    errors: [notConnected],
    async handle({ scope: { instance } }) {
      // As the contract has it.
      session(instance.id)
      const tags = (await labels.list(instance.id)).map(toTag)
      return { status: 200, body: { ...ok('Tags retrieved successfully'), tags, total: tags.length } }
    },
  }),
  instanceOperation({
    ...route,
    id: 'chat.createTag',
    method: 'POST',
    path: '/api/chat/tag/:instance',
    once: 'unrepeatable',
    summary: 'Create a label',
    body: z.object({
      name: requiredString(noName)
        .refine((text) => [...text].length <= NAME_LIMIT, nameTooLong)
        .meta({ example: 'Invoice sent' }),
      color: z.number().nullish().meta({ example: 3, description: '0–10; anything else counts as 0' }),
    }),
    answers: { 200: z.object({ ...done, tag: tagShape }) },
    errors: [{ status: 400, message: noName }, { status: 400, message: nameTooLong }, ...whatsAppErrors],
    async handle({ scope: { instance }, body }) {
      const color = body.color ?? 0
      const label = { name: body.name, color: Number.isInteger(color) && color >= 0 && color < COLORS ? color : 0 }
      const made = await asked(() => labels.create(instance.id, session(instance.id), label))
      return { status: 200, body: { ...ok('Tag created successfully'), tag: toTag(made) } }
    },
  }),
  instanceOperation({
    ...route,
    id: 'chat.deleteTag',
    method: 'DELETE',
    path: '/api/chat/tag/:instance',
    summary: 'Delete a label',
    description: 'It is taken off every chat that carries it.',
    query: z.object({ tagId: requiredString(noTagInQuery).meta({ example: '4' }) }),
    answers: { 200: z.object({ ...done, tag: tagShape }) },
    errors: [{ status: 400, message: noTagInQuery }, unknownTag, ...whatsAppErrors],
    async handle({ scope: { instance }, query: { tagId } }) {
      await asked(() => labels.remove(instance.id, session(instance.id), tagId))
      const tag = { id: tagId, name: '', color: 0, type: '', deleted: true }
      return { status: 200, body: { ...ok('Tag deleted successfully'), tag } }
    },
  }),
  instanceOperation({
    ...route,
    id: 'chat.assignTag',
    method: 'POST',
    path: '/api/chat/assignTag/:instance',
    once: false,
    summary: 'Put a label on a chat',
    body: z.object({ number: numberField, tagId: requiredString(noTag).meta({ example: '4' }) }),
    answers: { 200: z.object({ ...done, tag_id: z.string(), chat_jid: z.string() }) },
    errors: [...settingErrors, { status: 400, message: noTag }, unknownTag],
    async handle({ scope: { instance }, body: { number, tagId } }) {
      const chat = await messages.chatOf(instance.id, number)
      await asked(() => labels.assign(instance.id, session(instance.id), { id: tagId, chat, labeled: true }))
      return { status: 200, body: { ...ok('Tag assigned successfully'), tag_id: tagId, chat_jid: chat.jid ?? chat.lid ?? '' } }
    },
  }),
  instanceOperation({
    ...route,
    id: 'chat.unassignTag',
    method: 'DELETE',
    path: '/api/chat/assignTag/:instance',
    summary: 'Take a label off a chat',
    query: z.object({
      number: requiredString(noNumberInQuery).meta({ example: '34600111222' }),
      tagId: requiredString(noTagInQuery).meta({ example: '4' }),
    }),
    answers: { 200: z.object({ ...done, tag_id: z.string(), chat_jid: z.string() }) },
    errors: [
      ...settingErrors.filter(({ message }) => message !== 'Number is required'),
      { status: 400, message: noNumberInQuery },
      { status: 400, message: noTagInQuery },
      unknownTag,
    ],
    async handle({ scope: { instance }, query: { number, tagId } }) {
      const chat = await messages.chatOf(instance.id, number)
      await asked(() => labels.assign(instance.id, session(instance.id), { id: tagId, chat, labeled: false }))
      return { status: 200, body: { ...ok('Tag removed successfully'), tag_id: tagId, chat_jid: chat.jid ?? chat.lid ?? '' } }
    },
  }),
]
