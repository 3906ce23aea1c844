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

export interface EventLog {
  /**
   * Stores the event and a delivery per webhook that wants it, inside the caller's transaction; after the commit WebSocket clients and
   * delivery workers are woken. Gives the event's id.
   */
  record(tx: Writer, event: NewEvent): Promise<string>
}
