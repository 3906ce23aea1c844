/** The event log: one row per event, one delivery per webhook that wants it, announced once they are durable. */
import type { Clock } from '../runtime/clock.ts'
import { ulid } from '../runtime/ids.ts'
import type { Database } from '../storage/database.ts'
import type { StoredEvent } from './envelope.ts'
import type { EventLog, NewEvent } from './event.ts'
import { addDeliveries } from './webhooks/lanes.ts'
import type { Targets } from './webhooks/targets.ts'

export interface Announcement {
  events: StoredEvent[]
  /** Instance by webhook that got something to deliver. */
  webhooks: ReadonlyMap<string, string>
}

interface Collaborators {
  db: Database
  clock: Clock
  targets: Targets
  announce(announcement: Announcement): void
}

export const createEventLog = ({ db, clock, targets, announce }: Collaborators): EventLog => ({
  async write(work) {
    let events: StoredEvent[] = []
    let webhooks = new Map<string, string>()
    const result = await db.write((tx) => {
      // A second run after a serialisation failure starts with nothing recorded.
      events = []
      webhooks = new Map()
      return work(tx, async (...reported) => {
        if (reported.length === 0) return []
        const now = clock.now()
        const stored = reported.map((event) => toStored(event, now))
        await tx
          .insertInto('events')
          .values(
            stored.map(({ id, instanceId, name, lane, data, createdAt }) => ({
              id,
              instance_id: instanceId,
              name,
              lane,
              data,
              created_at: createdAt,
            })),
          )
          .execute()
        const deliveries: { webhookId: string; instanceId: string; lane: string; eventId: string }[] = []
        for (const { id, instanceId, name, lane } of stored) {
          for (const target of await targets.of(tx, instanceId)) {
            if (target.events !== null && !target.events.has(name)) continue
            deliveries.push({ webhookId: target.id, instanceId, lane, eventId: id })
            webhooks.set(target.id, instanceId)
          }
        }
        await addDeliveries(tx, deliveries, now)
        events.push(...stored)
        return stored.map((event) => event.id)
      })
    })
    if (events.length > 0) announce({ events, webhooks })
    return result
  },
})

const toStored = ({ instanceId, name, lane, data }: NewEvent, now: number): StoredEvent => ({
  id: ulid(now),
  instanceId,
  name,
  lane,
  data: JSON.stringify(data),
  createdAt: now,
})
