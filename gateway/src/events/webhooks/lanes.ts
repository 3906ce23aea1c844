/**
 * The outbox: `deliveries` holds what is to be sent, `delivery_lanes` says which (webhook, lane) is due. A lane is claimed by moving its
 * `next_attempt_at` to the end of the lease, so a claim is one seek in the index (webhook_id, next_attempt_at) however many rows wait.
 *
 * Whoever adds to a lane and whoever removes it as empty writes the lane's row, and writes are serialisable: of two at once one comes
 * second and sees what the first did. So no delivery is ever left without its lane.
 */
import { sql } from 'kysely'
import type { Database, Reader, Writer } from '../../storage/database.ts'
import type { EventName } from '../event.ts'
import type { Attempted } from './attempt.ts'
import { noteDelivered, noteFailedAttempt } from './past.ts'

/** What stands first in a lane. */
export interface Delivery {
  webhookId: string
  instanceId: string
  lane: string
  eventId: string
  /** Failed so far, since it was added or redelivered. */
  attempts: number
  /** Failed before the last redelivery. */
  earlierAttempts: number
  name: EventName
  /** JSON text of the envelope's `data`. */
  data: string
  createdAt: number
}

interface NewDelivery {
  webhookId: string
  instanceId: string
  lane: string
  eventId: string
}

/** A lane that is there already keeps its time: what waits in it goes first. */
export const addDeliveries = async (tx: Writer, deliveries: readonly NewDelivery[], now: number): Promise<void> => {
  if (deliveries.length === 0) return
  const lanes = new Map(deliveries.map((delivery) => [JSON.stringify([delivery.webhookId, delivery.lane]), delivery]))
  await tx
    .insertInto('delivery_lanes')
    .values(
      [...lanes.values()].map(({ webhookId, lane, instanceId }) => ({
        webhook_id: webhookId,
        lane,
        instance_id: instanceId,
        next_attempt_at: now,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['webhook_id', 'lane']).doUpdateSet((row) => ({ next_attempt_at: row.ref('delivery_lanes.next_attempt_at') })),
    )
    .execute()
  await tx
    .insertInto('deliveries')
    .values(
      deliveries.map(({ webhookId, lane, eventId, instanceId }) => ({
        webhook_id: webhookId,
        lane,
        event_id: eventId,
        instance_id: instanceId,
        attempts: 0,
        state: 'waiting' as const,
        last_status: null,
        last_error: null,
        created_at: now,
      })),
    )
    .execute()
}

/** Takes up to `limit` due lanes of a webhook until `leaseEnd` and gives the first delivery of each. */
export const claimLanes = async (tx: Writer, webhookId: string, limit: number, now: number, leaseEnd: number): Promise<Delivery[]> => {
  const claimed = await tx
    .updateTable('delivery_lanes')
    .set({ next_attempt_at: leaseEnd })
    .where('webhook_id', '=', webhookId)
    .where('lane', 'in', (due) =>
      due
        .selectFrom('delivery_lanes')
        .select('lane')
        .where('webhook_id', '=', webhookId)
        .where('next_attempt_at', '<=', now)
        .orderBy('next_attempt_at')
        .limit(limit),
    )
    .returning('lane')
    .execute()
  if (claimed.length === 0) return []
  const lanes = claimed.map((row) => row.lane)
  const heads = await headsOf(tx, webhookId, lanes)
  // A lane without anything in it: its events were purged. Nobody would ever take it off the index.
  if (heads.length < lanes.length) {
    const alive = new Set(heads.map((head) => head.lane))
    const empty = lanes.filter((lane) => !alive.has(lane))
    await tx.deleteFrom('delivery_lanes').where('webhook_id', '=', webhookId).where('lane', 'in', empty).execute()
  }
  return heads
}

/** Done. Gives what stands in the lane next, the lease prolonged; null when the lane is empty and gone. */
export const deliveryTaken = async (tx: Writer, delivery: Delivery, attempted: Attempted, leaseEnd: number): Promise<Delivery | null> => {
  // Somebody switched the webhook off meanwhile, or purged what waited. Without its row there may be no webhook to note it for.
  if ((await removeDelivery(tx, delivery, 'waiting')) || (await removeDelivery(tx, delivery, 'dead'))) {
    await noteDelivered(tx, delivery, attempted)
  }
  const next = await nextOrEmpty(tx, delivery)
  return next !== null && (await touchLane(tx, delivery, leaseEnd)) ? next : null
}

/** Stays first in its lane, to be tried again at `nextAttemptAt`. */
export const deliveryFailed = async (tx: Writer, delivery: Delivery, attempted: Attempted, nextAttemptAt: number): Promise<void> => {
  if (!(await touchLane(tx, delivery, nextAttemptAt))) return
  await noteFailure(tx, delivery, attempted, 'waiting')
}

/** Given up: becomes a dead letter and lets the next in the lane pass. */
export const deliveryDead = async (tx: Writer, delivery: Delivery, attempted: Attempted, now: number): Promise<void> => {
  if (!(await touchLane(tx, delivery, now))) return
  await noteFailure(tx, delivery, attempted, 'dead')
  await nextOrEmpty(tx, delivery)
}

/** Gives a claimed lane back untried. */
export const releaseLane = async (tx: Writer, delivery: Delivery, now: number): Promise<void> => {
  await touchLane(tx, delivery, now)
}

/** A webhook that was switched off: what waits for it becomes dead letters, a few at a time so that nobody waits long. */
export const retireWebhook = async (db: Database, webhookId: string): Promise<void> => {
  while (await db.write((tx) => retireSome(tx, webhookId, RETIRED_AT_ONCE)));
}

const RETIRED_AT_ONCE = 500

/**
 * Makes up to `limit` of what waits for it dead letters, and takes the lanes away once nothing does. True while there is more to do. A
 * webhook that is on again is left alone.
 */
const retireSome = async (tx: Writer, webhookId: string, limit: number): Promise<boolean> => {
  const webhook = await tx.selectFrom('webhooks').select('enabled').where('id', '=', webhookId).executeTakeFirst()
  if (webhook?.enabled === 1) return false
  const retired = await tx
    .updateTable('deliveries')
    .set({ state: 'dead', last_error: 'the webhook was disabled' })
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'waiting')
    .where('event_id', 'in', (waiting) =>
      waiting
        .selectFrom('deliveries')
        .select('event_id')
        .where('webhook_id', '=', webhookId)
        .where('state', '=', 'waiting')
        .orderBy('event_id')
        .limit(limit),
    )
    .executeTakeFirst()
  if (Number(retired.numUpdatedRows) === limit) return true
  const emptied = await tx
    .deleteFrom('delivery_lanes')
    .where('webhook_id', '=', webhookId)
    .where('lane', 'in', (lanes) =>
      lanes.selectFrom('delivery_lanes').select('lane').where('webhook_id', '=', webhookId).orderBy('next_attempt_at').limit(limit),
    )
    .executeTakeFirst()
  return Number(emptied.numDeletedRows) === limit
}

/** The receiver answers again: up to `limit` lanes need not wait for their time any longer. True while there may be more. */
export const hurrySome = async (tx: Writer, webhookId: string, now: number, limit: number): Promise<boolean> => {
  const hurried = await tx
    .updateTable('delivery_lanes')
    .set({ next_attempt_at: now })
    .where('webhook_id', '=', webhookId)
    .where('lane', 'in', (late) =>
      late
        .selectFrom('delivery_lanes')
        .select('lane')
        .where('webhook_id', '=', webhookId)
        .where('next_attempt_at', '>', now)
        .orderBy('next_attempt_at')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(hurried.numUpdatedRows) === limit
}

/** For deliveries that were added by hand: their lanes need not wait, whatever stood in them before. */
export const makeLanesDue = async (
  tx: Writer,
  webhookId: string,
  instanceId: string,
  lanes: readonly string[],
  now: number,
): Promise<void> => {
  if (lanes.length === 0) return
  await tx
    .insertInto('delivery_lanes')
    .values(lanes.map((lane) => ({ webhook_id: webhookId, lane, instance_id: instanceId, next_attempt_at: now })))
    .onConflict((conflict) => conflict.columns(['webhook_id', 'lane']).doUpdateSet({ next_attempt_at: now }))
    .execute()
}

/** For a query of `delivered as d`: leaves out what is on its way, or given up, once more. */
export const notUnderWay = sql<boolean>`not exists (
  select 1 from deliveries again
  where again.webhook_id = d.webhook_id and again.state in ('waiting', 'dead') and again.event_id = d.event_id
)`

/** When the next lane of a webhook is due; null when none is left. */
export const nextDue = async (reader: Reader, webhookId: string): Promise<number | null> => {
  const row = await reader
    .selectFrom('delivery_lanes')
    .select('next_attempt_at')
    .where('webhook_id', '=', webhookId)
    .orderBy('next_attempt_at')
    .limit(1)
    .executeTakeFirst()
  return row?.next_attempt_at ?? null
}

/**
 * At start nobody holds a lease: what an earlier run held when it was killed is due. A lane whose first delivery was never tried can only
 * be waiting for its lease; one that was tried may be waiting for its next attempt, so there the lease has to end by itself.
 */
export const freeLeases = async (tx: Writer, now: number): Promise<void> => {
  await sql`
    update delivery_lanes set next_attempt_at = ${now}
    where next_attempt_at > ${now} and exists (
      select 1 from deliveries d
      where d.webhook_id = delivery_lanes.webhook_id and d.lane = delivery_lanes.lane and d.state = 'waiting' and d.attempts = 0
        and d.event_id = (
          select min(h.event_id) from deliveries h
          where h.webhook_id = delivery_lanes.webhook_id and h.state = 'waiting' and h.lane = delivery_lanes.lane
        )
    )
  `.execute(tx)
}

/** Every webhook that has something waiting. */
export const webhooksWithLanes = (reader: Reader): Promise<{ webhookId: string; instanceId: string }[]> =>
  reader.selectFrom('delivery_lanes').select(['webhook_id as webhookId', 'instance_id as instanceId']).distinct().execute()

const headsOf = async (tx: Writer, webhookId: string, lanes: readonly string[]): Promise<Delivery[]> => {
  const rows = await tx
    .selectFrom('delivery_lanes as l')
    .innerJoin('deliveries as d', (join) =>
      join.onRef('d.webhook_id', '=', 'l.webhook_id').onRef('d.lane', '=', 'l.lane').on('d.state', '=', 'waiting').on(
        'd.event_id',
        '=',
        // One seek at the front of the lane's part of the primary key.
        sql<string>`(select min(h.event_id) from deliveries h where h.webhook_id = l.webhook_id and h.state = 'waiting' and h.lane = l.lane)`,
      ),
    )
    .innerJoin('events as e', 'e.id', 'd.event_id')
    .select([
      'd.webhook_id as webhookId',
      'd.instance_id as instanceId',
      'd.lane as lane',
      'd.event_id as eventId',
      'd.attempts as attempts',
      'd.earlier_attempts as earlierAttempts',
      'e.name as name',
      'e.data as data',
      'e.created_at as createdAt',
    ])
    .where('l.webhook_id', '=', webhookId)
    .where('l.lane', 'in', lanes)
    .execute()
  return rows as Delivery[]
}

const nextOrEmpty = async (tx: Writer, { webhookId, lane }: Delivery): Promise<Delivery | null> => {
  const [next] = await headsOf(tx, webhookId, [lane])
  if (next !== undefined) return next
  await tx.deleteFrom('delivery_lanes').where('webhook_id', '=', webhookId).where('lane', '=', lane).execute()
  return null
}

/** False when the lane is gone: the webhook was switched off or deleted meanwhile. */
const touchLane = async (tx: Writer, { webhookId, lane }: Delivery, nextAttemptAt: number): Promise<boolean> => {
  const touched = await tx
    .updateTable('delivery_lanes')
    .set({ next_attempt_at: nextAttemptAt })
    .where('webhook_id', '=', webhookId)
    .where('lane', '=', lane)
    .executeTakeFirst()
  return touched.numUpdatedRows > 0n
}

const rowOf = (delivery: Delivery) => ({ webhook_id: delivery.webhookId, lane: delivery.lane, event_id: delivery.eventId })

/** False when there was none in this state. */
const removeDelivery = async (tx: Writer, delivery: Delivery, state: 'waiting' | 'dead'): Promise<boolean> => {
  const { webhook_id, lane, event_id } = rowOf(delivery)
  const removed = await tx
    .deleteFrom('deliveries')
    .where('webhook_id', '=', webhook_id)
    .where('state', '=', state)
    .where('lane', '=', lane)
    .where('event_id', '=', event_id)
    .executeTakeFirst()
  return removed.numDeletedRows > 0n
}

const noteFailure = async (tx: Writer, delivery: Delivery, attempted: Attempted, state: 'waiting' | 'dead'): Promise<void> => {
  const { webhook_id, lane, event_id } = rowOf(delivery)
  const { outcome } = attempted
  const noted = await tx
    .updateTable('deliveries')
    .set({
      attempts: delivery.attempts + 1,
      last_status: outcome.status,
      last_error: outcome.kind === 'taken' ? null : outcome.error,
      state,
    })
    .where('webhook_id', '=', webhook_id)
    .where('state', '=', 'waiting')
    .where('lane', '=', lane)
    .where('event_id', '=', event_id)
    .executeTakeFirst()
  if (noted.numUpdatedRows > 0n) await noteFailedAttempt(tx, delivery, attempted)
}
