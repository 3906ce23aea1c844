/** What can happen to a delivery and its lane in the outbox besides the usual (outbox.ts): it fails, dies, is given back, switched off, hurried. */
import { sql } from 'kysely'
import type { Database, Reader, Writer } from '../../storage/database.ts'
import type { Attempted } from './attempt.ts'
import { inEventOrder } from './event-order.ts'
import { type Delivery, dropLanes, runsOf } from './outbox.ts'
import { noteFailedAttempt } from './past.ts'

/** Stays first in its lane, to be tried again at `nextAttemptAt`. */
export const deliveryFailed = async (tx: Writer, delivery: Delivery, attempted: Attempted, nextAttemptAt: number): Promise<void> => {
  if (!(await touchLane(tx, delivery, nextAttemptAt))) return
  await noteFailure(tx, delivery, attempted, 'waiting')
}

/** Given up: becomes a dead letter and lets the next in the lane pass. */
export const deliveryDead = async (tx: Writer, delivery: Delivery, attempted: Attempted, now: number): Promise<void> => {
  if (!(await touchLane(tx, delivery, now))) return
  await noteFailure(tx, delivery, attempted, 'dead')
  if ((await runsOf(tx, 1, [delivery])).length === 0) await dropLanes(tx, {}, [delivery])
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
    .where(inEventOrder(webhookId))
    .where('state', '=', 'waiting')
    .where('event_id', 'in', (waiting) =>
      waiting
        .selectFrom('deliveries')
        .select('event_id')
        .where(inEventOrder(webhookId))
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
