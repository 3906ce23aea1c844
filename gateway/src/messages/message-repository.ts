/** The table `messages`. */
import { type Insertable, type Selectable, sql } from 'kysely'
import type { Reader, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { Flag, MessageStatus, MessagesTable } from '../storage/schema.ts'
import { isGroupJid, isNewsletterJid } from '../whatsapp/jid.ts'

/** With every column: one statement serves all. */
export type NewMessage = Required<Insertable<Omit<MessagesTable, 'seq'>>>
/** The unique key of a message, as text. */
export type MessageKeyText = string

export const keyText = ({ chat, sender, message_id }: Pick<NewMessage, 'chat' | 'sender' | 'message_id'>): MessageKeyText =>
  JSON.stringify([chat, sender, message_id])

/** Stores those that are not there yet and gives their keys with their `seq`: a message that arrives twice is stored once. */
export const insertMessages = async (tx: Writer, rows: readonly NewMessage[]): Promise<Map<MessageKeyText, number>> =>
  new Map((await insertNew(tx, {}, rows)).map((row) => [keyText(row), row.seq]))

const insertNew = prepared((db, _: object, rows: NewMessage[]) =>
  db
    .insertInto('messages')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['instance_id', 'chat', 'sender', 'message_id']).doNothing())
    .returning(['seq', 'chat', 'sender', 'message_id']),
)

/** Statuses that a later one may replace: a message never becomes less read. `failed` is what we supposed; a receipt knows better. */
const lower: Record<MessageStatus, readonly MessageStatus[]> = {
  pending: [],
  failed: ['pending'],
  sent: ['pending', 'failed'],
  delivered: ['pending', 'failed', 'sent'],
  read: ['pending', 'failed', 'sent', 'delivered'],
  played: ['pending', 'failed', 'sent', 'delivered', 'read'],
}

export interface StatusRaise {
  ids: readonly string[]
  status: MessageStatus
  fromMe: boolean
}

export const raiseStatus = async (tx: Writer, instanceId: string, { ids, status, fromMe }: StatusRaise): Promise<void> => {
  await raises[status](tx, { instanceId, fromMe: fromMe ? 1 : 0 }, ids)
}

const raiseTo = (status: MessageStatus) =>
  prepared((db, { instanceId, fromMe }: { instanceId: string; fromMe: Flag }, ids: string[]) =>
    db
      .updateTable('messages')
      .set({ status })
      .where('instance_id', '=', instanceId)
      .where('message_id', 'in', ids)
      .where('from_me', '=', fromMe)
      .where('status', 'in', lower[status]),
  )

const raises: Record<MessageStatus, ReturnType<typeof raiseTo>> = {
  pending: raiseTo('pending'),
  failed: raiseTo('failed'),
  sent: raiseTo('sent'),
  delivered: raiseTo('delivered'),
  read: raiseTo('read'),
  played: raiseTo('played'),
}

export interface Change {
  kind: 'edit' | 'revoke'
  chat: string
  /** Who changes. */
  sender: string
  /** Message that is changed. */
  messageId: string
  /** New text of an edit. */
  content: string
}

/**
 * Applies an edit or a revocation to the message it is about. False: nobody but its author may (in a group its admins may revoke too, in a
 * channel they may do both), so it never happened. A message we never had is nobody's, and the change is believed.
 */
export const applyChange = async (tx: Writer, instanceId: string, change: Change): Promise<boolean> => {
  const original = await tx
    .selectFrom('messages')
    .select(['seq', 'sender'])
    .where('instance_id', '=', instanceId)
    .where('message_id', '=', change.messageId)
    .where('chat', '=', change.chat)
    .executeTakeFirst()
  if (original === undefined) return true
  const byAdmin = isNewsletterJid(change.chat) || (change.kind === 'revoke' && isGroupJid(change.chat))
  if (original.sender !== change.sender && !byAdmin) return false
  await tx
    .updateTable('messages')
    .set(change.kind === 'edit' ? { edited_content: change.content } : { revoked: 1 })
    .where('seq', '=', original.seq)
    .execute()
  return true
}

/** A chat that was only known by LID has turned out to belong to a number: its messages move to the number's name. */
export const renameChat = async (tx: Writer, instanceId: string, lid: string, jid: string): Promise<void> => {
  await sql`
    update messages set chat = ${jid}, sender = case when sender = ${lid} then ${jid} else sender end
    where instance_id = ${instanceId} and chat = ${lid}
      and not exists (select 1 from messages twin where twin.instance_id = ${instanceId} and twin.chat = ${jid} and twin.message_id = messages.message_id)
  `.execute(tx)
}

export interface StoredMessage {
  messageId: string
  chat: string
  sender: string
  fromMe: boolean
  wire: Uint8Array
}

/** Messages of this id; normally one. */
export const findMessages = async (reader: Reader, instanceId: string, messageId: string): Promise<StoredMessage[]> => {
  const rows = await reader
    .selectFrom('messages')
    .select(['message_id', 'chat', 'sender', 'from_me', 'wire'])
    .where('instance_id', '=', instanceId)
    .where('message_id', '=', messageId)
    .orderBy('seq', 'desc')
    .limit(10)
    .execute()
  return rows.map((row) => ({ messageId: row.message_id, chat: row.chat, sender: row.sender, fromMe: row.from_me === 1, wire: row.wire }))
}

/** A message as its row has it. */
export interface MessageRow extends StoredMessage {
  seq: number
  type: string
  /** Text or caption as it reads now. */
  content: string
  source: string
  status: MessageStatus
  revoked: boolean
  /** Milliseconds. */
  sentAt: number
}

const rowColumns = [
  'seq',
  'message_id',
  'chat',
  'sender',
  'from_me',
  'wire',
  'type',
  'content',
  'edited_content',
  'source',
  'status',
  'revoked',
  'sent_at',
] as const

const toRow = (row: Pick<Selectable<MessagesTable>, (typeof rowColumns)[number]>): MessageRow => ({
  seq: row.seq,
  messageId: row.message_id,
  chat: row.chat,
  sender: row.sender,
  fromMe: row.from_me === 1,
  wire: row.wire,
  type: row.type,
  content: row.edited_content ?? row.content,
  source: row.source,
  status: row.status,
  revoked: row.revoked === 1,
  sentAt: row.sent_at,
})

/** The message of this id; of several, ids being unique in their chats only, the newest. */
export const findMessage = async (reader: Reader, instanceId: string, messageId: string): Promise<MessageRow | null> => {
  const row = await reader
    .selectFrom('messages')
    .select(rowColumns)
    .where('instance_id', '=', instanceId)
    .where('message_id', '=', messageId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? null : toRow(row)
}

/**
 * Up to `limit` messages of a chat, newest first. `from` and `to` in milliseconds, both inclusive; `before`: only what comes behind that message.
 * Steps along the index by time.
 */
export const messagesOf = async (
  reader: Reader,
  instanceId: string,
  chat: string,
  { from, to, before = null, limit }: { from: number; to: number; before?: { sentAt: number; seq: number } | null; limit: number },
): Promise<MessageRow[]> => {
  const rows = await reader
    .selectFrom('messages')
    .select(rowColumns)
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .where('sent_at', '>=', from)
    .where('sent_at', '<=', before === null ? to : Math.min(to, before.sentAt))
    .$if(before !== null, (page) => page.where(sql<boolean>`(sent_at, seq) < (${before?.sentAt ?? 0}, ${before?.seq ?? 0})`))
    .orderBy('sent_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute()
  return rows.map(toRow)
}

/** The oldest message of a chat; null when none is stored. */
export const oldestOf = async (reader: Reader, instanceId: string, chat: string): Promise<MessageRow | null> => {
  const row = await reader
    .selectFrom('messages')
    .select(rowColumns)
    .where('instance_id', '=', instanceId)
    .where('chat', '=', chat)
    .orderBy('sent_at')
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? null : toRow(row)
}
