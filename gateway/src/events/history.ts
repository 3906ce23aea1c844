/** Reading on in the log of an instance from an event one already has. */
import type { Clock } from '../runtime/clock.ts'
import { ulid } from '../runtime/ids.ts'
import type { Database } from '../storage/database.ts'
import type { StoredEvent } from './envelope.ts'
import type { EventName } from './event.ts'
import type { LogOrder } from './order.ts'

export interface HistoryPage {
  /** Oldest first. Nothing older can come in between or before later on. */
  events: StoredEvent[]
  /** False: the log no longer has `after` itself, so events between it and the first one here may be gone. */
  unbroken: boolean
}

export interface EventHistory {
  /** Up to `limit` events after the id `after`; an id that never was is a point in time. */
  page(instanceId: string, after: string, limit: number): Promise<HistoryPage>
}

export const createEventHistory = ({ db, order, clock }: { db: Database; order: LogOrder; clock: Clock }): EventHistory => ({
  async page(instanceId, after, limit) {
    // Between here and the database's own look, events may be given ids and become durable in another order: ids made from now on are
    // for the next page.
    const decidedBelow = order.decidedBelow(instanceId) ?? ulid(clock.now())
    // From `after` on, itself included: events go oldest first, so as long as it is there nothing behind it is missing.
    const rows = await db.read
      .selectFrom('events')
      .select(['id', 'instance_id as instanceId', 'name', 'lane', 'data', 'created_at as createdAt'])
      .where('instance_id', '=', instanceId)
      .where('id', '>=', after)
      .where('id', '<', decidedBelow)
      .orderBy('id')
      .limit(limit + 1)
      .execute()
    const unbroken = rows[0]?.id === after
    const events = rows.slice(unbroken ? 1 : 0, unbroken ? limit + 1 : limit)
    return { events: events.map((row) => ({ ...row, name: row.name as EventName })), unbroken }
  },
})
