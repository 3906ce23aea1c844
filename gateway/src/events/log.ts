/** The event log: one row per event, one delivery per webhook that wants it, announced once they are durable. */
import type { Clock } from '../runtime/clock.ts'
import { ulid } from '../runtime/ids.ts'
import type { Database, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { StoredEvent } from './envelope.ts'
import type { EventLog, NewEvent } from './event.ts'
import type { LogOrder } from './order.ts'
import { addDeliveries } from './webhooks/outbox.ts'
import type { Targets } from './webhooks/targets.ts'

interface Collaborators {
  db: Database
  clock: Clock
  targets: Targets
  /** Announces what becomes durable. */
  order: LogOrder
  /** These webhooks (instance by webhook) got something to deliver. */
  wake(webhooks: ReadonlyMap<string, string>): void
  /** The store failed while it committed events of these instances: they may be in the log, and are not going to be announced. */
  inDoubt(instanceIds: ReadonlySet<string>): void
}

export const createEventLog = ({ db, clock, targets, order, wake, inDoubt }: Collaborators): EventLog => ({
  async write(work) {
    const recording = order.open()
    const webhooks = new Map<string, string>()
    const instances = new Set<string>()
    let workDone = false
    let changes = 0
    const record = async (tx: Writer, reported: readonly NewEvent[]): Promise<string[]> => {
      if (reported.length === 0) return []
      const now = clock.now()
      const stored = reported.map((event) => toStored(event, now))
      recording.noted(stored)
      await insertEvents(tx, {}, stored)
      const deliveries: { webhookId: string; instanceId: string; lane: string; eventId: string }[] = []
      for (const { id, instanceId, name, lane } of stored) {
        instances.add(instanceId)
        for (const target of await targets.of(tx, instanceId, changes)) {
          if (target.events !== null && !target.events.has(name)) continue
          deliveries.push({ webhookId: target.id, instanceId, lane, eventId: id })
          webhooks.set(target.id, instanceId)
        }
      }
      await addDeliveries(tx, deliveries, now)
      return stored.map((event) => event.id)
    }
    const result = await db
      .write(async (tx) => {
        // A second run after a serialisation failure starts with nothing recorded.
        recording.dropped()
        webhooks.clear()
        instances.clear()
        workDone = false
        changes = targets.changes()
        const done = await work(tx, (...reported) => record(tx, reported))
        workDone = true
        return done
      })
      .catch((error: unknown) => {
        if (workDone && instances.size > 0) inDoubt(instances)
        recording.dropped()
        throw error
      })
    recording.durable()
    if (webhooks.size > 0) wake(webhooks)
    return result
  },
})

const insertEvents = prepared((db, _: object, events: StoredEvent[]) =>
  db.insertInto('events').values(
    events.map(({ id, instanceId, name, lane, data, createdAt }) => ({
      id,
      instance_id: instanceId,
      name,
      lane,
      data,
      created_at: createdAt,
    })),
  ),
)

const toStored = ({ instanceId, name, lane, data }: NewEvent, now: number): StoredEvent => ({
  id: ulid(now),
  instanceId,
  name,
  lane,
  data: JSON.stringify(data),
  createdAt: now,
})
