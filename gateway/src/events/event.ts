/** The six events of the catalogue (core.md §7) and how a feature reports one. */
import type { Writer } from '../storage/database.ts'

export const eventNames = ['message.exchange', 'message.status', 'call.update', 'group.flow', 'instance.state', 'label.update'] as const
export type EventName = (typeof eventNames)[number]

export interface NewEvent {
  instanceId: string
  name: EventName
  /** What keeps its order: the chat's JID, or `""` for the instance itself. */
  lane: string
  /** The envelope's `data`, JSON. */
  data: Record<string, unknown>
}

/** Notes events for the transaction they are part of; gives their ids, in order. */
export type RecordEvents = (...events: readonly NewEvent[]) => Promise<string[]>

export interface EventLog {
  /**
   * `Database.write` for work that reports events: `record` stores each event and a delivery per webhook that wants it in this very
   * transaction, and once it is durable WebSocket clients and delivery workers are told. An event can neither be lost after the commit
   * nor be announced before it. The same rules as for `Database.write` hold for `work`: it awaits nothing but its writer (and `record`),
   * and may run again.
   */
  write<T>(work: (tx: Writer, record: RecordEvents) => Promise<T>): Promise<T>
}
