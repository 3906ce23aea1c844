/** What became of the account's chats and messages: done by us, or on another of its devices. Times are milliseconds. */
import type { Address, MessageKey } from './address.ts'

export type ChatChange = { at: number } & (
  | { kind: 'archive'; chat: Address; archived: boolean; lastMessageAt: LastMessageAt }
  | { kind: 'pin'; chat: Address; pinned: boolean }
  /** `until` null: for good. */
  | { kind: 'mute'; chat: Address; muted: boolean; until: number | null }
  | { kind: 'mark-read'; chat: Address; read: boolean; lastMessageAt: LastMessageAt }
  /** Its messages are gone, the chat is not. */
  | { kind: 'clear-chat'; chat: Address; starredToo: boolean; lastMessageAt: LastMessageAt }
  | { kind: 'delete-chat'; chat: Address; lastMessageAt: LastMessageAt }
  | { kind: 'star'; message: MessageKey; starred: boolean }
  | { kind: 'delete-for-me'; message: MessageKey }
  /** All of them, in their order. */
  | { kind: 'favorites'; chats: readonly Address[] }
  | { kind: 'block'; person: Address; blocked: boolean }
  /** All of them. */
  | { kind: 'blocklist'; people: readonly Address[] }
)

/** How far whoever did it knew the chat: what came later is not meant. Null: not said. */
type LastMessageAt = number | null
