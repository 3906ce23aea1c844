/** The table `chats`: a row per conversation, kept up by whoever stores messages, and changed by what the account does with its chats. */
import { type Expression, type ExpressionBuilder, type Insertable, sql } from 'kysely'
import type { Reader, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { ChatsTable, Schema } from '../storage/schema.ts'
import type { Address } from '../whatsapp/address.ts'
import type { HistoryChat } from '../whatsapp/history.ts'
import { STATUS_BROADCAST } from '../whatsapp/jid.ts'

/** A message that has just been stored. */
export interface NotedMessage {
  chat: string
  seq: number
  /** Milliseconds. */
  sentAt: number
  fromMe: boolean
  /** The event's `message.type`. */
  type: string
}

/** What is about another message moves no chat and is no news to be read. */
const about: ReadonlySet<string> = new Set(['message_edit', 'message_revoke', 'reaction', 'poll_update', 'event_response'])

/** For queries: the types that stand in a conversation by themselves. */
export const notAbout = [...about]

/**
 * `live`: those of others are unread, and a message of the account says that it has read all before. `read`: they are read as they come.
 * `past`: nothing is said about reading.
 */
export type Noting = 'live' | 'read' | 'past'

/** To be run in the transaction that stores the messages. One statement, or two when the account wrote too. */
export const noteMessages = async (tx: Writer, instanceId: string, messages: readonly NotedMessage[], how: Noting): Promise<void> => {
  const chats = new Map<string, { row: ChatRow; answered: boolean }>()
  for (const { chat, seq, sentAt, fromMe, type } of messages) {
    if (chat === STATUS_BROADCAST || about.has(type)) continue
    const known = chats.get(chat) ?? { row: newRow(instanceId, chat), answered: false }
    chats.set(chat, known)
    const { row } = known
    if (row.last_seq === 0 || sentAt >= row.last_at) {
      row.last_at = sentAt
      row.last_seq = seq
    }
    if (how !== 'live') continue
    known.answered ||= fromMe
    row.unread = fromMe ? 0 : row.unread + 1
  }
  const [answered, others] = [[...chats.values()].filter((one) => one.answered), [...chats.values()].filter((one) => !one.answered)]
  await answeredChats(
    tx,
    {},
    answered.map(({ row }) => row),
  )
  await movedChats(
    tx,
    {},
    others.map(({ row }) => row),
  )
  if (how === 'past') await findLast(tx, { instanceId }, [...chats.keys()])
}

/** The past comes in no order, and the phone says of a chat when its last message was before that message is here. */
const findLast = prepared((db, { instanceId }: { instanceId: string }, chats: string[]) =>
  db
    .updateTable('chats')
    .set({
      last_seq: sql<number>`(
        select seq from messages where messages.instance_id = chats.instance_id and messages.chat = chats.chat
          and type not in (${sql.join(notAbout.map((type) => sql.lit(type)))})
        order by sent_at desc, seq desc limit 1
      )`,
    })
    .where('instance_id', '=', instanceId)
    .where('chat', 'in', chats),
)

export type ChatRow = Insertable<ChatsTable>

export const newRow = (instanceId: string, chat: string): ChatRow => ({
  instance_id: instanceId,
  chat,
  backwards: backwardsOf(chat),
  last_at: 0,
  last_seq: 0,
  unread: 0,
  marked_unread: 0,
  archived: 0,
  pinned_at: null,
  muted_until: null,
  favorite: null,
})

/** The digits of a number from the last to the first. */
const backwardsOf = (chat: string): string => {
  const end = chat.indexOf('@s.whatsapp.net')
  return end < 0 ? '' : [...chat.slice(0, end)].reverse().join('')
}

type Conflict = ExpressionBuilder<Schema & { excluded: ChatsTable }, 'chats' | 'excluded'>

/** Whether the row that came has the newer last message. */
const isNewer = sql<boolean>`(chats.last_seq = 0 or excluded.last_at >= chats.last_at)`

const lastOf = (row: Conflict): { last_at: Expression<number>; last_seq: Expression<number> } => ({
  last_at: row
    .case()
    .when('excluded.last_at', '>', row.ref('chats.last_at'))
    .then(row.ref('excluded.last_at'))
    .else(row.ref('chats.last_at'))
    .end(),
  last_seq: row.case().when(isNewer).then(row.ref('excluded.last_seq')).else(row.ref('chats.last_seq')).end(),
})

const movedChats = prepared((db, _: object, rows: ChatRow[]) =>
  db
    .insertInto('chats')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'chat']).doUpdateSet((row) => ({
        ...lastOf(row),
        unread: sql<number>`chats.unread + excluded.unread`,
      })),
    ),
)

const answeredChats = prepared((db, _: object, rows: ChatRow[]) =>
  db
    .insertInto('chats')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['instance_id', 'chat'])
        .doUpdateSet((row) => ({ ...lastOf(row), unread: row.ref('excluded.unread'), marked_unread: 0 })),
    ),
)

/** Conversations as the phone lists them: what it says of reading, and of the settings of each, is how it is. */
export const noteListed = async (
  tx: Writer,
  instanceId: string,
  listed: readonly HistoryChat[],
  nameOf: (chat: Address) => string,
): Promise<void> => {
  // The last word counts; PostgreSQL refuses the same row twice in one statement.
  const rows = new Map<string, ChatRow>()
  for (const chat of listed) {
    const name = nameOf(chat.chat)
    if (name.endsWith('@broadcast')) continue
    rows.set(name, {
      ...newRow(instanceId, name),
      last_at: chat.lastMessageAt ?? 0,
      unread: chat.unread,
      marked_unread: chat.markedUnread ? 1 : 0,
      archived: chat.archived ? 1 : 0,
      pinned_at: chat.pinnedAt,
      muted_until: chat.mutedUntil,
    })
  }
  await listedChats(tx, {}, [...rows.values()])
}

const listedChats = prepared((db, _: object, rows: ChatRow[]) =>
  db
    .insertInto('chats')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'chat']).doUpdateSet((row) => ({
        last_at: lastOf(row).last_at,
        unread: row.ref('excluded.unread'),
        marked_unread: row.ref('excluded.marked_unread'),
        archived: row.ref('excluded.archived'),
        pinned_at: row.ref('excluded.pinned_at'),
        muted_until: row.ref('excluded.muted_until'),
      })),
    ),
)

/** A chat known by LID alone has turned out to belong to a number: what is known of it goes to the number's row. */
export const renameNoted = async (tx: Writer, instanceId: string, lid: string, jid: string): Promise<void> => {
  const rows = await tx.selectFrom('chats').selectAll().where('instance_id', '=', instanceId).where('chat', 'in', [lid, jid]).execute()
  const mistaken = rows.find(({ chat }) => chat === lid)
  if (mistaken === undefined) return
  await tx.deleteFrom('chats').where('instance_id', '=', instanceId).where('chat', '=', lid).execute()
  const other = rows.find(({ chat }) => chat === jid) ?? newRow(instanceId, jid)
  const newer = other.last_seq === 0 || mistaken.last_at > other.last_at ? mistaken : other
  await putRow(tx, {
    ...other,
    last_at: Math.max(mistaken.last_at, other.last_at),
    last_seq: newer.last_seq,
    unread: mistaken.unread + other.unread,
    marked_unread: mistaken.marked_unread || other.marked_unread,
    archived: mistaken.archived && other.archived,
    pinned_at: other.pinned_at ?? mistaken.pinned_at,
    muted_until: other.muted_until ?? mistaken.muted_until,
    favorite: other.favorite ?? mistaken.favorite,
  })
}

/** Those of the LIDs that stand for a chat. */
export const notedUnderLid = async (reader: Reader | Writer, instanceId: string, lids: readonly string[]): Promise<Set<string>> =>
  new Set((await chatsAmong(reader, { instanceId }, lids)).map(({ chat }) => chat))

const chatsAmong = prepared((db, { instanceId }: { instanceId: string }, chats: string[]) =>
  db.selectFrom('chats').select('chat').where('instance_id', '=', instanceId).where('chat', 'in', chats),
)

const putRow = async (tx: Writer, row: ChatRow): Promise<void> => {
  const { instance_id: _, chat: __, ...values } = row
  await tx
    .insertInto('chats')
    .values(row)
    .onConflict((conflict) => conflict.columns(['instance_id', 'chat']).doUpdateSet(values))
    .execute()
}
