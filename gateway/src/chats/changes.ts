/**
 * What becomes of stored chats and messages when the account does something with them, here or on another of its devices. Whatever is told
 * twice is the same the second time. A chat is emptied in portions, however long it is.
 */
import type { ExpressionBuilder } from 'kysely'
import type { Database, Writer } from '../storage/database.ts'
import type { Flag, Schema } from '../storage/schema.ts'
import type { Address } from '../whatsapp/address.ts'
import type { ChatChange } from '../whatsapp/chat-changes.ts'
import { type ChatRow, newRow, notAbout } from './chat-table.ts'

/** Under which name somebody, or a place, is stored. */
export type NameOf = (address: Address) => string

/** In their order; durable when it resolves. */
export const applyChanges = async (db: Database, instanceId: string, changes: readonly ChatChange[], nameOf: NameOf): Promise<void> => {
  for (let start = 0; start < changes.length; start += TOGETHER) {
    const some = changes.slice(start, start + TOGETHER)
    for (const change of some) {
      if (change.kind !== 'clear-chat' && change.kind !== 'delete-chat') continue
      const keepStarred = change.kind === 'clear-chat' && !change.starredToo
      await emptyChat(db, instanceId, nameOf(change.chat), { upTo: change.lastMessageAt ?? change.at, keepStarred })
    }
    await db.write(async (tx) => {
      for (const change of some) await applyChange(tx, instanceId, change, nameOf)
    })
  }
}

/** Changes in one transaction. */
const TOGETHER = 200
/** Messages deleted in one transaction. */
const PORTION = 500
/** Unread messages that are counted anew at most. */
const MOST_UNREAD = 1_000
/** A mute without end. */
const FOR_GOOD = -1

const applyChange = async (tx: Writer, instanceId: string, change: ChatChange, nameOf: NameOf): Promise<void> => {
  switch (change.kind) {
    case 'archive': {
      const values = { archived: flag(change.archived) }
      return setChat(tx, instanceId, nameOf(change.chat), values, { known: !change.archived, lastMessageAt: change.lastMessageAt })
    }
    case 'pin':
      return setChat(tx, instanceId, nameOf(change.chat), { pinned_at: change.pinned ? change.at : null }, { known: !change.pinned })
    case 'mute': {
      const values = { muted_until: change.muted ? (change.until ?? FOR_GOOD) : null }
      return setChat(tx, instanceId, nameOf(change.chat), values, { known: !change.muted })
    }
    case 'mark-read':
      if (change.read) return markRead(tx, instanceId, nameOf(change.chat), change.lastMessageAt ?? change.at)
      return setChat(tx, instanceId, nameOf(change.chat), { marked_unread: 1 }, { known: false, lastMessageAt: change.lastMessageAt })
    case 'clear-chat':
      return refreshChat(tx, instanceId, nameOf(change.chat))
    case 'delete-chat':
      return forgetEmptied(tx, instanceId, nameOf(change.chat))
    case 'star': {
      const named = { id: change.message.id, chat: nameOf(change.message.chat) }
      return void (await tx
        .updateTable('messages')
        .set({ starred: flag(change.starred) })
        .where(messageNamed(instanceId, named))
        .execute())
    }
    case 'delete-for-me': {
      const named = { id: change.message.id, chat: nameOf(change.message.chat) }
      await tx.deleteFrom('messages').where(messageNamed(instanceId, named)).execute()
      return refreshChat(tx, instanceId, named.chat)
    }
    case 'favorites':
      return setFavorites(tx, instanceId, change.chats.map(nameOf))
    case 'block':
      return setBlocked(tx, instanceId, nameOf(change.person), change.blocked, change.at)
    case 'blocklist':
      return setBlocklist(tx, instanceId, change.people.map(nameOf), change.at)
  }
}

/** Within a chat ids are WhatsApp's to keep unique. */
const messageNamed =
  (instanceId: string, { id, chat }: { id: string; chat: string }) =>
  (row: ExpressionBuilder<Schema, 'messages'>) =>
    row.and({ instance_id: instanceId, message_id: id, chat })

/** `known`: of a chat nobody has heard of, it says nothing. */
const setChat = async (
  tx: Writer,
  instanceId: string,
  chat: string,
  values: Partial<ChatRow>,
  { known, lastMessageAt = null }: { known: boolean; lastMessageAt?: number | null },
): Promise<void> => {
  if (known) {
    await tx.updateTable('chats').set(values).where('instance_id', '=', instanceId).where('chat', '=', chat).execute()
    return
  }
  await tx
    .insertInto('chats')
    .values({ ...newRow(instanceId, chat), last_at: lastMessageAt ?? 0, ...values })
    .onConflict((conflict) => conflict.columns(['instance_id', 'chat']).doUpdateSet(values))
    .execute()
}

/** Everything up to this moment has been read. */
const markRead = async (tx: Writer, instanceId: string, chat: string, upTo: number): Promise<void> => {
  const row = await tx
    .selectFrom('chats')
    .select(['unread', 'marked_unread'])
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .executeTakeFirst()
  if (row === undefined || (row.unread === 0 && row.marked_unread === 0)) return
  const unread = row.unread === 0 ? 0 : Math.min(row.unread, await countAfter(tx, instanceId, chat, upTo))
  await setChat(tx, instanceId, chat, { unread, marked_unread: 0 }, { known: true })
}

/** The same by messages that were read: what stands before the last of them was too. */
export const markReadByMessages = async (tx: Writer, instanceId: string, chat: string, ids: readonly string[]): Promise<void> => {
  if (ids.length === 0) return
  const last = await tx
    .selectFrom('messages')
    .select(({ fn }) => fn.max('sent_at').as('at'))
    .where('instance_id', '=', instanceId)
    .where('message_id', 'in', [...ids])
    .where('chat', '=', chat)
    .executeTakeFirst()
  if (last?.at != null) await markRead(tx, instanceId, chat, last.at)
}

/** Messages of others since. */
const countAfter = async (tx: Writer, instanceId: string, chat: string, moment: number): Promise<number> => {
  const rows = await tx
    .selectFrom('messages')
    .select('seq')
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .where('sent_at', '>', moment)
    .where('from_me', '=', 0)
    .where('type', 'not in', notAbout)
    .limit(MOST_UNREAD)
    .execute()
  return rows.length
}

const emptyChat = async (
  db: Database,
  instanceId: string,
  chat: string,
  { upTo, keepStarred }: { upTo: number; keepStarred: boolean },
): Promise<void> => {
  for (;;) {
    const gone = await db.write(async (tx) => {
      const some = tx
        .selectFrom('messages')
        .select('seq')
        .where('instance_id', '=', instanceId)
        .where('chat', '=', chat)
        .where('sent_at', '<=', upTo)
        .$if(keepStarred, (messages) => messages.where('starred', '=', 0))
        .orderBy('sent_at')
        .limit(PORTION)
      return tx.deleteFrom('messages').where('seq', 'in', some).executeTakeFirst()
    })
    if (gone.numDeletedRows < BigInt(PORTION)) return
  }
}

/** After messages have gone: which is the last now, and how many are unread. */
const refreshChat = async (tx: Writer, instanceId: string, chat: string): Promise<void> => {
  const row = await tx
    .selectFrom('chats')
    .select(['last_at', 'unread'])
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .executeTakeFirst()
  if (row === undefined) return
  const last = await lastIn(tx, instanceId, chat)
  const unread = Math.min(row.unread, await countAfter(tx, instanceId, chat, 0))
  // A chat that was cleared keeps its place.
  await setChat(tx, instanceId, chat, { last_seq: last?.seq ?? 0, last_at: last?.sent_at ?? row.last_at, unread }, { known: true })
}

/** What came after a chat was deleted began a new one. */
const forgetEmptied = async (tx: Writer, instanceId: string, chat: string): Promise<void> => {
  const last = await lastIn(tx, instanceId, chat)
  const row = await tx
    .deleteFrom('chats')
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .returning('unread')
    .executeTakeFirst()
  if (last === undefined) return
  const unread = Math.min(row?.unread ?? 0, await countAfter(tx, instanceId, chat, 0))
  await tx
    .insertInto('chats')
    .values({ ...newRow(instanceId, chat), last_at: last.sent_at, last_seq: last.seq, unread })
    .execute()
}

const lastIn = (tx: Writer, instanceId: string, chat: string) =>
  tx
    .selectFrom('messages')
    .select(['seq', 'sent_at'])
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .where('type', 'not in', notAbout)
    .orderBy('sent_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()

const setFavorites = async (tx: Writer, instanceId: string, chats: readonly string[]): Promise<void> => {
  await tx.updateTable('chats').set({ favorite: null }).where('instance_id', '=', instanceId).where('favorite', 'is not', null).execute()
  for (const [favorite, chat] of [...new Set(chats)].entries()) await setChat(tx, instanceId, chat, { favorite }, { known: false })
}

const setBlocklist = async (tx: Writer, instanceId: string, people: readonly string[], at: number): Promise<void> => {
  await tx.updateTable('contacts').set({ blocked: 0 }).where('instance_id', '=', instanceId).where('blocked', '=', 1).execute()
  for (const person of new Set(people)) await setBlocked(tx, instanceId, person, true, at)
}

const setBlocked = async (tx: Writer, instanceId: string, jid: string, blocked: boolean, at: number): Promise<void> => {
  await tx
    .insertInto('contacts')
    .values({ instance_id: instanceId, jid, push_name: null, saved_name: null, blocked: flag(blocked), updated_at: at })
    .onConflict((conflict) => conflict.columns(['instance_id', 'jid']).doUpdateSet({ blocked: flag(blocked) }))
    .execute()
}

const flag = (value: boolean): Flag => (value ? 1 : 0)
