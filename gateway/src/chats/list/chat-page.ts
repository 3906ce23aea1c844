/**
 * A page of conversations, newest first. Chats that are archived and those that are not are two stretches of an index in the order of the
 * page; what is asked for beside that has an index of its own, or is looked for in a bounded number of rows. So a page costs the same however
 * many chats and messages there are; one that came to the bound is short, and says where to go on.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Reader } from '../../storage/database.ts'
import { isGroupJid, isNewsletterJid } from '../../whatsapp/jid.ts'

export interface ListedChat {
  chat: string
  /** Milliseconds; 0: none is known. */
  lastAt: number
  /** 0: it is not stored. */
  lastSeq: number
  unread: number
  markedUnread: boolean
  archived: boolean
  pinnedAt: number | null
  mutedUntil: number | null
  favorite: number | null
}

export type ChatKind = 'private' | 'group' | 'newsletter'

export const kindOf = (chat: string): ChatKind => (isGroupJid(chat) ? 'group' : isNewsletterJid(chat) ? 'newsletter' : 'private')

/** Behind it the next page begins. */
export interface ChatPosition {
  lastAt: number
  lastSeq: number
  chat: string
}

/** What has an index of its own. */
export const marks = ['unread', 'pinned', 'muted', 'favorite'] as const
export type Mark = (typeof marks)[number]

export interface ChatQuery {
  instanceId: string
  limit: number
  after: ChatPosition | null
  /** Null: both. */
  archived: boolean | null
  marks: ReadonlySet<Mark>
  /** Null: every kind. */
  kind: ChatKind | null
  /** Milliseconds: what is muted until then is muted no more. */
  now: number
}

export interface ChatPage {
  chats: ListedChat[]
  /** Null: there are no more. */
  next: ChatPosition | null
}

/** Rows read for one page at most, and at once. */
export const MOST_ROWS = 5_000
const PORTION = 500

/** `fits` says of some chats which are wanted, when that cannot be said of a row alone. */
export const readPage = async (
  reader: Reader,
  query: ChatQuery,
  fits: ((chats: readonly ListedChat[]) => Promise<readonly ListedChat[]>) | null = null,
): Promise<ChatPage> => {
  const found: ListedChat[] = []
  let position = query.after
  // Without anything to look for, what is read is what is shown.
  const portion = query.kind === null && query.marks.size <= 1 && fits === null ? query.limit + 1 : PORTION
  for (let read = 0; read < MOST_ROWS; ) {
    const rows = await nextRows(reader, { ...query, after: position }, portion)
    read += rows.length
    const wanted = rows.filter((row) => isWanted(row, query))
    for (const row of fits === null ? wanted : await fits(wanted)) {
      if (found.length === query.limit) return { chats: found, next: positionOf(found.at(-1)) }
      found.push(row)
    }
    const last = rows.at(-1)
    if (rows.length < portion || last === undefined) return { chats: found, next: null }
    position = positionOf(last)
  }
  return { chats: found, next: position }
}

export const positionOf = (row: ListedChat | undefined): ChatPosition | null =>
  row === undefined ? null : { lastAt: row.lastAt, lastSeq: row.lastSeq, chat: row.chat }

export const isWanted = (row: ListedChat, { archived, marks, kind, now }: ChatQuery): boolean =>
  (archived === null || row.archived === archived) &&
  (kind === null || kindOf(row.chat) === kind) &&
  (!marks.has('unread') || row.unread > 0 || row.markedUnread) &&
  (!marks.has('pinned') || row.pinnedAt !== null) &&
  (!marks.has('muted') || isMuted(row, now)) &&
  (!marks.has('favorite') || row.favorite !== null)

export const isMuted = ({ mutedUntil }: ListedChat, now: number): boolean => mutedUntil !== null && (mutedUntil < 0 || mutedUntil > now)

/** Of two with a message in the same second the one that got it later comes first. */
export const inOrder = (a: ChatPosition, b: ChatPosition): number =>
  b.lastAt - a.lastAt || b.lastSeq - a.lastSeq || (a.chat < b.chat ? 1 : a.chat > b.chat ? -1 : 0)

/** The conditions of the indices of migration 0014, word for word. */
const indexOf: Record<Mark, RawBuilder<boolean>> = {
  unread: sql`(unread > 0 or marked_unread = 1)`,
  pinned: sql`pinned_at is not null`,
  muted: sql`muted_until is not null`,
  favorite: sql`favorite is not null`,
}

const nextRows = async (reader: Reader, query: ChatQuery, limit: number): Promise<ListedChat[]> => {
  const stretches = query.archived === null ? [0, 1] : [query.archived ? 1 : 0]
  const rows = await Promise.all(stretches.map((archived) => stretch(reader, query, archived, limit)))
  return rows.flat().sort(inOrder).slice(0, limit)
}

const stretch = async (reader: Reader, { instanceId, after, marks: wanted }: ChatQuery, archived: number, limit: number) => {
  const [mark] = wanted
  const { rows } = await sql<ChatColumns>`
    select ${columns} from chats where instance_id = ${instanceId} and archived = ${archived}
    ${mark === undefined ? sql`` : sql`and ${indexOf[mark]}`}
    ${after === null ? sql`` : sql`and (last_at, last_seq, chat) < (${after.lastAt}, ${after.lastSeq}, ${after.chat})`}
    order by last_at desc, last_seq desc, chat desc limit ${limit}
  `.execute(reader)
  return rows.map(toListed)
}

export interface ChatColumns {
  chat: string
  last_at: number
  last_seq: number
  unread: number
  marked_unread: number
  archived: number
  pinned_at: number | null
  muted_until: number | null
  favorite: number | null
}

export const columns = sql.raw('chat, last_at, last_seq, unread, marked_unread, archived, pinned_at, muted_until, favorite')

export const toListed = (row: ChatColumns): ListedChat => ({
  chat: row.chat,
  lastAt: row.last_at,
  lastSeq: row.last_seq,
  unread: row.unread,
  markedUnread: row.marked_unread === 1,
  archived: row.archived === 1,
  pinnedAt: row.pinned_at,
  mutedUntil: row.muted_until,
  favorite: row.favorite,
})
