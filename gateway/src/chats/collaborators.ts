import type { Labels } from '../labels/labels.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { Address, EngineSession, MessageKey } from '../whatsapp/engine.ts'

/** What this feature needs of others. */
export interface ChatCollaborators {
  db: Database
  clock: Clock
  /** Throws 503 when the instance is not connected. */
  session(instanceId: string): EngineSession
  messages: {
    chatOf(instanceId: string, number: string): Promise<Address>
    find(instanceId: string, messageId: string): Promise<ChatMessage | null>
    lastOf(instanceId: string, chat: Address): Promise<ChatMessage | null>
    unreadOf(instanceId: string, chat: Address): Promise<ChatMessage[]>
    noteRead(instanceId: string, messages: readonly MessageKey[]): Promise<void>
    /** Introduces each of them: both names, and what they are called. */
    peopleOf(instanceId: string, addresses: readonly Address[]): Promise<(address: Address) => Address & { name: string | null }>
    /** Names a chat may be stored under, by a number or a JID, the likeliest first. Throws 400 for what is neither. */
    namesOfChat(instanceId: string, number: string): Promise<string[]>
    /** Under which spellings a number may be registered, digits only. */
    spellings(digits: string): Promise<readonly string[]>
  }
  /** Deletes the media of a chat that is stored here. */
  removeMedia(instanceId: string, chat: string): Promise<void>
  labels: Labels
  logger: Logger
}

interface ChatMessage {
  key: MessageKey
  /** Milliseconds. */
  timestamp: number
}
