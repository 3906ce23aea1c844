/** What the conformance suite needs of a network: people holding phones. Implemented in memory and over the simulator. */
import type { ChatChange } from '../chat-changes.ts'
import type { EngineFactory, InboxRow, SessionStore } from '../engine.ts'
import type { WireMessage } from '../wire.ts'

export interface World {
  engine: EngineFactory
  /** A person nobody has used before. */
  person(name: string, options?: { number?: string }): Promise<Person>
  /** A number nobody has. */
  freeNumber(): string
  /** Ends every connection of this person's companions. */
  cut(person: Person): Promise<void>
  store(): InspectableStore
  close(): Promise<void>
}

export type InspectableStore = SessionStore & {
  credentials: Uint8Array | null
  failure: Error | null
  readonly inbox: ReadonlyMap<string, InboxRow>
  readonly history: ReadonlyMap<string, InboxRow>
  /** What the recorder does in its transaction. */
  settle(hash: string): void
}

export interface Person {
  number: string
  jid: string
  lid: string
  name: string
  scan(qr: string): Promise<void>
  typePairingCode(code: string): Promise<void>
  /** Gives the message id. */
  send(to: Person, message: WireMessage, edit?: 'edit' | 'revoke'): Promise<string>
  /** The same with a file, whose place and keys the phone fills in. */
  sendFile(to: Person, message: WireMessage, bytes: Uint8Array): Promise<string>
  /** The file that came with the message with this id, fetched and decrypted by the phone. */
  file(id: string): Promise<Uint8Array>
  /** The message with this id, as this person's phone has it. */
  received(id: string): Promise<{ fromMe: boolean; text: string; message: WireMessage }>
  read(chat: Person, id: string): Promise<void>
  call(to: Person): Promise<string>
  callState(id: string): Promise<string>
  /** Makes, changes or deletes a label on the phone. */
  label(label: { id: string; name: string; color: number; deleted?: boolean }): Promise<void>
  /** Puts a label on the chat with somebody, or a message in it, or takes it off. */
  carry(labelId: string, chat: Person, options?: { messageId?: string; labeled?: boolean }): Promise<void>
  /** As the phone has them, with the JIDs of the chats that carry each. */
  labels(): Promise<{ id: string; name: string; color: number; deleted: boolean; chats: string[] }[]>
  /** Does something with a chat or a message on the phone. */
  change(change: ChatChange): Promise<void>
  /** Saves somebody in the address book of the phone; null takes them out of it. */
  save(other: Person, name: string | null): Promise<void>
  unlinkAll(): Promise<void>
}
