/** What an account does with its own chats, on all its devices and for nobody else to see: app state (engine.md §6.2). */
import type { Address, MessageKey } from './address.ts'

/** The newest message of a chat; WhatsApp wants to know how much of it an action is about. */
export interface LastMessage {
  key: MessageKey
  /** Milliseconds. */
  timestamp: number
}

export type ChatAction =
  | { kind: 'archive'; chat: Address; archived: boolean; last: LastMessage | null }
  | { kind: 'pin'; chat: Address; pinned: boolean }
  /** `until` in milliseconds; null for ever. */
  | { kind: 'mute'; chat: Address; muted: boolean; until: number | null }
  | { kind: 'mark-read'; chat: Address; read: boolean; last: LastMessage | null }
  | { kind: 'star'; message: MessageKey; starred: boolean }
  /** `timestamp` in milliseconds. */
  | { kind: 'delete-for-me'; message: MessageKey; timestamp: number }
  | { kind: 'delete-chat'; chat: Address; last: LastMessage | null }
  /** What the account calls itself. */
  | { kind: 'name'; name: string }

export interface ChatActionSession {
  /**
   * Resolves when WhatsApp has taken it. Throws {@link EngineError}: `not-ready` while the phone has not shared its key yet, `rejected` when
   * other devices kept being faster.
   */
  act(action: ChatAction): Promise<void>
  /**
   * Writes what `decide` says are the favourite chats, in their order. It is asked when everything other devices have written has been told and
   * stored, and again each time one of them was faster. Throws like `act`.
   */
  setFavorites(decide: () => Promise<readonly Address[]>): Promise<void>
  /** Whether the account hears of this person. Gives how many it does not hear of then. */
  setBlocked(person: Address, blocked: boolean): Promise<number>
}
