/** What stands in a chunk, in our words, in parts that are small enough to be stored at once. */
import { proto } from 'baileys'
import type { Address } from '../../../engine.ts'
import type { HistoryChat, HistoryMessage, HistoryName } from '../../../history.ts'
import { isGroupJid, isLid, isUserJid } from '../../../jid.ts'
import { addressFrom } from '../addresses.ts'
import { isForPeople } from '../inbox.ts'
import { readWebMessage } from '../web-message.ts'
import type { HistoryItem } from './items.ts'

export interface Part {
  messages: HistoryMessage[]
  chats: HistoryChat[]
  names: HistoryName[]
  /** LIDs that only the receipts of these messages tell the number of. */
  pairs: Pair[]
}

export interface Pair {
  number: string
  lid: string
}

export interface PartsOptions {
  self: Address
  /** Milliseconds; older messages are left out. */
  since: number
  /** Chats are told with all their settings; else only messages of them were asked for. */
  settings: boolean
}

/** Things in a part, and bytes of messages. */
const THINGS = 250
const BYTES = 1024 * 1024

export async function* partsOf(items: AsyncIterable<HistoryItem>, { self, since, settings }: PartsOptions): AsyncGenerator<Part> {
  let part = emptyPart()
  let things = 0
  let bytes = 0
  for await (const item of items) {
    if (item.kind === 'message') {
      const message = readMessage(item.message, self, since)
      if (message === null) continue
      part.messages.push(message)
      part.pairs.push(...pairOfReceipt(item.message))
      bytes += item.bytes
    } else if (item.kind === 'chat') {
      const chat = readChat(item.chat)
      if (chat === null) continue
      if (settings) part.chats.push(chat)
      part.names.push(...nameOfChat(item.chat, chat.chat))
    } else if (item.kind === 'push-name') {
      const address = addressFrom(item.name.id)
      const pushName = item.name.pushname || null
      if (pushName === null || (address.jid === null && address.lid === null)) continue
      part.names.push({ address, pushName, savedName: null })
    } else continue
    things += 1
    if (things < THINGS && bytes < BYTES) continue
    yield part
    part = emptyPart()
    things = 0
    bytes = 0
  }
  if (things > 0) yield part
}

const emptyPart = (): Part => ({ messages: [], chats: [], names: [], pairs: [] })

const { Status } = proto.WebMessageInfo

const statuses: Readonly<Record<number, HistoryMessage['status']>> = {
  [Status.ERROR]: 'failed',
  [Status.PENDING]: 'pending',
  [Status.SERVER_ACK]: 'sent',
  [Status.DELIVERY_ACK]: 'delivered',
  [Status.READ]: 'read',
  [Status.PLAYED]: 'played',
}

const readMessage = (stored: proto.IWebMessageInfo, self: Address, since: number): HistoryMessage | null => {
  // Looked at first: most of what is not wanted is too old.
  if (secondsOf(stored.messageTimestamp) * 1000 < since) return null
  const message = readWebMessage(stored, self)
  if (message === null || !isForPeople(message.message)) return null
  return { ...message, status: message.fromMe ? (statuses[stored.status ?? -1] ?? null) : null, starred: stored.starred === true }
}

const readChat = (chat: proto.IConversation): HistoryChat | null => {
  const address = addressOfChat(chat)
  if (address.jid === null && address.lid === null) return null
  return {
    chat: address,
    unread: Math.max(0, chat.unreadCount ?? 0),
    markedUnread: chat.markedAsUnread ?? false,
    archived: chat.archived ?? false,
    pinnedAt: chat.pinned ? millisecondsOf(chat.pinned) : null,
    mutedUntil: mutedUntilOf(chat.muteEndTime),
    lastMessageAt: millisecondsOf(secondsOf(chat.conversationTimestamp)) || null,
  }
}

const nameOfChat = ({ displayName, name, isDefaultSubgroup }: proto.IConversation, address: Address): HistoryName[] => {
  const savedName = displayName || name || null
  return savedName === null ? [] : [{ address, pushName: null, savedName, ...(isDefaultSubgroup ? { isAnnouncementGroup: true } : {}) }]
}

/** For a person both forms, where the phone gives them. */
const addressOfChat = ({ id, pnJid, lidJid, accountLid }: proto.IConversation): Address =>
  id && (isUserJid(id) || isLid(id)) ? addressFrom(id, pnJid, lidJid, accountLid) : addressFrom(id)

/** LID and number of the person a chat is with. */
export const pairOfChat = (chat: proto.IConversation): Pair[] => {
  const { jid, lid } = addressOfChat(chat)
  return jid === null || lid === null || isGroupJid(jid) ? [] : [{ number: userOf(jid), lid: userOf(lid) }]
}

export const pairOfMapping = ({ pnJid, lidJid }: proto.IPhoneNumberToLIDMapping): Pair[] => {
  const { jid, lid } = addressFrom(pnJid, lidJid)
  return jid === null || lid === null || !isUserJid(jid) ? [] : [{ number: userOf(jid), lid: userOf(lid) }]
}

/** Older phones name a chat by LID and leave its number out; who has received one of our messages in it is the other side. */
const pairOfReceipt = ({ key, userReceipt }: proto.IWebMessageInfo): Pair[] => {
  const receiver = userReceipt?.[0]?.userJid
  if (!key?.fromMe || !receiver || !key.remoteJid || !isLid(key.remoteJid)) return []
  return pairOfMapping({ pnJid: receiver, lidJid: key.remoteJid })
}

/** Muted for good is -1, which an unsigned number shows as its largest. */
const mutedUntilOf = (value: unknown): number | null => {
  const end = secondsOf(value)
  if (end === 0) return null
  return end < 0 || end > Number.MAX_SAFE_INTEGER ? -1 : millisecondsOf(end)
}

/** Phones write seconds; some of these fields are milliseconds in app state, and nobody promises that they stay apart. */
const millisecondsOf = (time: number): number => (time > 100_000_000_000 ? time : time * 1000)

/** Of a number or a Long. */
const secondsOf = (value: unknown): number => Number(value ?? 0)

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))
