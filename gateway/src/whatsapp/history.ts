/** The past, as the phone hands it over: conversations with their messages, and what people are called. */
import type { Address, MessageKey } from './address.ts'
import type { ReceivedMessage } from './received-message.ts'

/** Old messages, never to be announced as new. A chunk of the phone's is many parts; each is stored before the next one is read. */
export interface HistoryPart {
  messages: HistoryMessage[]
  chats: HistoryChat[]
  names: HistoryName[]
  /** 0–100, as the phone says; null when it does not. */
  progress: number | null
  /** On the last part of a chunk the inbox row the chunk was told with: to be settled in the transaction that stores the part. */
  inbox: string | null
  /** To be called once all of it is stored. The promise of `onEvent` holds the reading back until then. */
  stored(): void
}

export interface HistoryMessage extends ReceivedMessage {
  /** How far a message of ours had come; null: not said. */
  status: 'pending' | 'sent' | 'delivered' | 'read' | 'played' | 'failed' | null
  starred: boolean
}

/** A conversation as the phone lists it. */
export interface HistoryChat {
  chat: Address
  /** Messages that were not read. */
  unread: number
  /** The person wants it to look unread. */
  markedUnread: boolean
  archived: boolean
  /** Since when, milliseconds; null: not pinned. */
  pinnedAt: number | null
  /** Milliseconds; null: not muted, -1: for good. */
  mutedUntil: number | null
  /** Of its last message, milliseconds; null: not said. */
  lastMessageAt: number | null
}

export interface HistoryName {
  address: Address
  pushName: string | null
  /** The name in the address book, or what a group is called. */
  savedName: string | null
  /** Of a community; left out where unknown. */
  isAnnouncementGroup?: boolean
}

export interface HistorySession {
  /** Asks the phone again for the last days of history. */
  requestHistory(days: number): Promise<void>
  /** Asks the phone for messages of a chat before this one, at most `count`. What it has comes as history, when the phone gets to it. */
  requestOlder(before: MessageKey & { timestamp: number }, count: number): Promise<{ requestId: string }>
}
