/** Ours: `GET /api/chat/list/:instance`, the conversations of an account as its own app shows them. */
import { z } from 'zod'
import { instanceOperation, type Operation } from '../../http/operation.ts'
import { labelsOf } from '../../labels/chat-labels.ts'
import { rfc3339 } from '../../runtime/clock.ts'
import type { Reader } from '../../storage/database.ts'
import type { Address } from '../../whatsapp/address.ts'
import { isLid } from '../../whatsapp/jid.ts'
import type { ChatCollaborators } from '../collaborators.ts'
import { cursorField, limitField, parseCursor, writeCursor } from '../paging.ts'
import { route } from '../route.ts'
import { showMessages, shownMessage } from '../shown-message.ts'
import { type ChatPosition, isMuted, kindOf, type ListedChat, marks, readPage } from './chat-page.ts'
import { parseSearch, searchPage } from './search.ts'

const yes = (description: string) => z.literal('true').optional().meta({ example: 'true', description })

const shownChat = z.object({
  jid: z.string(),
  lid: z.string().nullable(),
  name: z.string().nullable(),
  type: z.enum(['private', 'group', 'newsletter']),
  unreadCount: z.number().int(),
  markedUnread: z.boolean(),
  archived: z.boolean(),
  pinned: z.boolean(),
  pinnedAt: z.string().nullable(),
  muted: z.boolean(),
  mutedUntil: z.string().nullable(),
  favorite: z.boolean(),
  blocked: z.boolean(),
  labels: z.array(z.object({ id: z.string(), name: z.string(), color: z.number().int() })),
  lastMessageAt: z.string().nullable(),
  lastMessage: shownMessage.nullable(),
})

export const listOperation = ({ db, clock, messages }: Pick<ChatCollaborators, 'db' | 'clock' | 'messages'>): Operation => {
  const show = async (instanceId: string, chats: readonly ListedChat[]): Promise<z.infer<typeof shownChat>[]> => {
    const addresses = chats.map(({ chat }) => addressOf(chat))
    const people = addresses.map(await messages.peopleOf(instanceId, addresses))
    const [labels, last, called] = await Promise.all([
      labelsOf(db.read, instanceId, people),
      lastMessages(db.read, instanceId, chats),
      contactsAmong(db.read, instanceId, chats),
    ])
    return chats.map((row, index) => {
      const contact = called.get(row.chat)
      const muted = isMuted(row, clock.now())
      return {
        jid: row.chat,
        lid: people[index]?.lid ?? null,
        name: contact?.name ?? null,
        type: kindOf(row.chat),
        unreadCount: row.unread,
        markedUnread: row.markedUnread,
        archived: row.archived,
        pinned: row.pinnedAt !== null,
        pinnedAt: row.pinnedAt === null ? null : rfc3339(row.pinnedAt),
        muted,
        mutedUntil: muted && row.mutedUntil !== null && row.mutedUntil >= 0 ? rfc3339(row.mutedUntil) : null,
        favorite: row.favorite !== null,
        blocked: contact?.blocked ?? false,
        labels: labels(people[index] ?? { jid: null, lid: null }).map(({ id, name, color }) => ({ id, name, color })),
        lastMessageAt: row.lastAt === 0 ? null : rfc3339(row.lastAt),
        lastMessage: last.get(row.lastSeq) ?? null,
      }
    })
  }

  return instanceOperation({
    ...route,
    id: 'chat.list',
    method: 'GET',
    path: '/api/chat/list/:instance',
    summary: 'Conversations, the newest first',
    description:
      'Ours. From the store; WhatsApp is not asked. Pass `nextCursor` on as `after` for the next page, until it is `null`. A page may be short although more follow.',
    query: z.object({
      search: z.string().max(200).optional().meta({
        example: 'ana',
        description: 'Beginnings of words of the name, or the first or last digits (three or more) of the number',
      }),
      archived: z
        .enum(['true', 'false'])
        .optional()
        .meta({ example: 'false', description: 'Only those in the archive, or only the others' }),
      unread: yes('Only with unread messages, or marked as unread'),
      pinned: yes('Only pinned ones'),
      muted: yes('Only muted ones'),
      favorite: yes('Only favourites'),
      type: z.enum(['private', 'group', 'newsletter']).optional().meta({ example: 'group', description: 'Only of this kind' }),
      limit: limitField,
      after: cursorField,
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        chats: z.array(shownChat),
        count: z.number().int(),
        nextCursor: z.string().nullable(),
      }),
    },
    errors: [{ status: 400, message: 'Invalid cursor' }],
    async handle({ scope: { instance }, query }) {
      const wanted = {
        instanceId: instance.id,
        limit: query.limit,
        after: positionIn(query.after),
        archived: query.archived === undefined ? null : query.archived === 'true',
        marks: new Set(marks.filter((mark) => query[mark] === 'true')),
        kind: query.type ?? null,
        now: clock.now(),
      }
      const text = query.search?.trim() ?? ''
      const search = await parseSearch(text, messages.spellings)
      const page =
        text === ''
          ? await readPage(db.read, wanted)
          : search === null
            ? { chats: [], next: null }
            : await searchPage(db.read, wanted, search)
      const chats = await show(instance.id, page.chats)
      const nextCursor = page.next === null ? null : writeCursor([page.next.lastAt, page.next.lastSeq, page.next.chat])
      const message = `${chats.length} ${chats.length === 1 ? 'chat' : 'chats'} found`
      return { status: 200, body: { success: true, message, chats, count: chats.length, nextCursor } }
    },
  })
}

const positionIn = (cursor: string | undefined): ChatPosition | null => {
  if (cursor === undefined) return null
  const [lastAt, lastSeq, chat] = parseCursor(cursor, /^(\d{1,15}) (\d{1,15}) (\S+)$/)
  return { lastAt: Number(lastAt), lastSeq: Number(lastSeq), chat: chat ?? '' }
}

const addressOf = (chat: string): Address => (isLid(chat) ? { jid: null, lid: chat } : { jid: chat, lid: null })

const lastMessages = async (reader: Reader, instanceId: string, chats: readonly ListedChat[]) => {
  const seqs = chats.flatMap(({ lastSeq }) => (lastSeq === 0 ? [] : [lastSeq]))
  return new Map((await showMessages(reader, instanceId, seqs)).map((message) => [message.seq, message.shown]))
}

/** From the table itself: what is kept in memory is a moment older. */
const contactsAmong = async (reader: Reader, instanceId: string, chats: readonly ListedChat[]) => {
  if (chats.length === 0) return new Map<string, { name: string | null; blocked: boolean }>()
  const rows = await reader
    .selectFrom('contacts')
    .select(['jid', 'saved_name', 'push_name', 'business_name', 'blocked'])
    .where('instance_id', '=', instanceId)
    .where(
      'jid',
      'in',
      chats.map(({ chat }) => chat),
    )
    .execute()
  return new Map(rows.map((row) => [row.jid, { name: row.saved_name ?? row.push_name ?? row.business_name, blocked: row.blocked === 1 }]))
}
