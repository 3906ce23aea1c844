/**
 * The outbox: `deliveries` holds what is to be sent, `delivery_lanes` says which (webhook, lane) is due. A lane is claimed by moving its
 * `next_attempt_at` to the end of the lease, so a claim is one seek in the index (webhook_id, next_attempt_at) however many rows wait.
 *
 * Whoever adds to a lane and whoever removes it as empty writes the lane's row, and writes are serialisable: of two at once one comes
 * second and sees what the first did. So no delivery is ever left without its lane.
 *
 * Here are the steps every delivery takes, for many at a time and in statements that are compiled once. The rarer ones are in lanes.ts.
 */
import { type RawBuilder, sql } from 'kysely'
import type { Reader, Writer } from '../../storage/database.ts'
import { prepared } from '../../storage/prepared.ts'
import type { EventName } from '../event.ts'
import type { Attempted } from './attempt.ts'

export interface Lane {
  webhookId: string
  lane: string
}

/** What stands first in a lane. */
export interface Delivery extends Lane {
  instanceId: string
  eventId: string
  /** Failed so far, since it was added or redelivered. */
  attempts: number
  /** Failed before the last redelivery. */
  earlierAttempts: number
  name: EventName
  /** JSON text of the envelope's `data`. */
  data: string
  createdAt: number
  /** Until when its lane is claimed. */
  leaseEnd: number
}

interface NewDelivery extends Lane {
  instanceId: string
  eventId: string
}

/** A lane that is there already keeps its time: what waits in it goes first. */
export const addDeliveries = async (tx: Writer, deliveries: readonly NewDelivery[], now: number): Promise<void> => {
  const lanes = new Map(deliveries.map((delivery) => [laneKey(delivery), delivery]))
  await addLanes(tx, { now }, [...lanes.values()])
  await insertDeliveries(tx, { now }, deliveries)
}

const addLanes = prepared((db, { now }: { now: number }, lanes: NewDelivery[]) =>
  db
    .insertInto('delivery_lanes')
    .values(
      lanes.map(({ webhookId, lane, instanceId }) => ({ webhook_id: webhookId, lane, instance_id: instanceId, next_attempt_at: now })),
    )
    .onConflict((conflict) =>
      conflict.columns(['webhook_id', 'lane']).doUpdateSet((row) => ({ next_attempt_at: row.ref('delivery_lanes.next_attempt_at') })),
    ),
)

const insertDeliveries = prepared((db, { now }: { now: number }, deliveries: NewDelivery[]) =>
  db.insertInto('deliveries').values(
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
  ),
)

export interface Claim {
  webhookId: string
  /** Lanes at most. */
  limit: number
}

/** Takes due lanes of these webhooks until `leaseEnd`, of each those that are due longest. */
export const claimLanes = prepared((db, { now, leaseEnd }: { now: number; leaseEnd: number }, claims: Claim[]) =>
  db
    .updateTable('delivery_lanes')
    .set({ next_attempt_at: leaseEnd })
    .where(tuple('webhook_id', 'lane'), 'in', unionOf(claims.map(({ webhookId, limit }) => dueLanes(webhookId, now, limit))))
    .returning(['webhook_id as webhookId', 'lane']),
)

const dueLanes = (webhookId: string, now: number, limit: number): RawBuilder<unknown> => sql`
  select * from (
    select webhook_id, lane from delivery_lanes where webhook_id = ${webhookId} and next_attempt_at <= ${now}
    order by next_attempt_at limit ${limit}
  ) due`

/** The first `length` of what waits in each of these lanes, oldest first; nothing of those that are empty or gone. */
export const runsOf = async (tx: Writer, length: number, lanes: readonly Lane[]): Promise<Omit<Delivery, 'leaseEnd'>[]> => {
  const rows = await runs(tx, { behind: length - 1 }, lanes)
  return rows.map((row) => ({ ...row, name: row.name as EventName })).sort(byAge)
}

const byAge = (a: Pick<Delivery, 'eventId'>, b: Pick<Delivery, 'eventId'>): number => (a.eventId < b.eventId ? -1 : 1)

const runs = prepared((db, { behind }: { behind: number }, lanes: Lane[]) =>
  db
    // Looked up before anything is joined, or PostgreSQL would join everything that waits first.
    .with(
      (cte) => cte('run').materialized(),
      (query) =>
        query
          .selectFrom('delivery_lanes as l')
          .select([
            'l.webhook_id',
            'l.lane',
            behindFirst('d.lane', behind).as('end_lane'),
            behindFirst('d.event_id', behind).as('end_event'),
          ])
          .where(tuple('l.webhook_id', 'l.lane'), 'in', valuesOf(lanes.map(({ webhookId, lane }) => [webhookId, lane]))),
    )
    .selectFrom('run as r')
    .innerJoin('deliveries as d', (join) =>
      join
        .onRef('d.webhook_id', '=', 'r.webhook_id')
        .on('d.state', '=', 'waiting')
        .onRef('d.lane', '=', 'r.lane')
        .on('d.event_id', '<=', sql<string>`case when r.end_lane = r.lane then r.end_event else ${sql.lit(AFTER_ALL)} end`),
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
    ]),
)

/** Sorts behind every id. */
const AFTER_ALL = '~'

/**
 * Of what stands so many behind the first of a lane `l`: a few steps in the primary key, over into the next lane when there are not so many.
 * Asked for with `lane =` PostgreSQL would also think of the index (webhook_id, state, event_id), and step over all that waits in other lanes.
 */
const behindFirst = (column: string, behind: number) => sql<string | null>`(
  select ${sql.ref(column)} from deliveries d
  where d.webhook_id = l.webhook_id and d.state = 'waiting' and d.lane >= l.lane
  order by d.lane, d.event_id limit 1 offset ${behind}
)`

/** Takes lanes off that nothing waits in. */
export const dropLanes = prepared((db, _: object, lanes: Lane[]) =>
  db.deleteFrom('delivery_lanes').where(tuple('webhook_id', 'lane'), 'in', valuesOf(lanes.map(({ webhookId, lane }) => [webhookId, lane]))),
)

/** Prolongs their leases, or gives them back. */
export const makeLanesDue = prepared((db, { at }: { at: number }, lanes: Lane[]) =>
  db
    .updateTable('delivery_lanes')
    .set({ next_attempt_at: at })
    .where(tuple('webhook_id', 'lane'), 'in', valuesOf(lanes.map(({ webhookId, lane }) => [webhookId, lane]))),
)

export interface Taken {
  delivery: Delivery
  attempted: Attempted
}

/** Out of the outbox and into the past. Somebody may have purged one meanwhile, or switched its webhook off, which makes it a dead letter. */
export const removeTaken = async (tx: Writer, taken: readonly Taken[]): Promise<void> => {
  const rows = taken.map(({ delivery: { webhookId, instanceId, lane, eventId }, attempted: { outcome, at, durationMs, answer } }) => ({
    webhook_id: webhookId,
    event_id: eventId,
    lane,
    instance_id: instanceId,
    at,
    duration_ms: durationMs,
    status: outcome.status ?? 0,
    answer,
  }))
  const removed = await removeDeliveries(tx, { state: 'waiting' }, rows)
  if (removed.length === rows.length) {
    await noteDelivered(tx, {}, rows)
    return
  }
  const key = ({ webhook_id, event_id }: { webhook_id: string; event_id: string }) => `${webhook_id} ${event_id}`
  const gone = new Set(removed.map(key))
  const left = rows.filter((row) => !gone.has(key(row)))
  for (const row of await removeDeliveries(tx, { state: 'dead' }, left)) gone.add(key(row))
  // Without its row there may be no webhook to note it for.
  const noted = rows.filter((row) => gone.has(key(row)))
  await noteDelivered(tx, {}, noted)
}

interface DeliveredRow {
  webhook_id: string
  event_id: string
  lane: string
  instance_id: string
  at: number
  duration_ms: number
  status: number
  answer: string
}

const removeDeliveries = prepared((db, { state }: { state: 'waiting' | 'dead' }, rows: DeliveredRow[]) =>
  db
    .deleteFrom('deliveries')
    .where(
      tuple('webhook_id', 'state', 'lane', 'event_id'),
      'in',
      valuesOf(rows.map(({ webhook_id, lane, event_id }) => [webhook_id, state, lane, event_id])),
    )
    .returning(['webhook_id', 'event_id']),
)

const noteDelivered = prepared((db, _: object, rows: DeliveredRow[]) =>
  db
    .insertInto('delivered')
    .values(
      rows.map(({ webhook_id, event_id, instance_id, at, duration_ms, status, answer }) => ({
        webhook_id,
        event_id,
        instance_id,
        at,
        duration_ms,
        status,
        answer,
      })),
    )
    // Delivered once more, on request.
    .onConflict((conflict) =>
      conflict.columns(['webhook_id', 'event_id']).doUpdateSet((row) => ({
        at: row.ref('excluded.at'),
        duration_ms: row.ref('excluded.duration_ms'),
        status: row.ref('excluded.status'),
        answer: row.ref('excluded.answer'),
      })),
    ),
)

/** When the next lane of a webhook is due; null when none is left. */
export const nextDue = async (reader: Reader, webhookId: string): Promise<number | null> => {
  const [row] = await firstDue(reader, {}, [webhookId])
  return row?.next_attempt_at ?? null
}

const firstDue = prepared((db, _: object, [webhookId = '']: string[]) =>
  db.selectFrom('delivery_lanes').select('next_attempt_at').where('webhook_id', '=', webhookId).orderBy('next_attempt_at').limit(1),
)

export const laneKey = ({ webhookId, lane }: Lane): string => `${webhookId} ${lane}`

// Both databases compare rows of columns with a list of rows, and look them up by the index over these columns.
const tuple = (...columns: string[]) => sql<unknown>`(${sql.join(columns.map((column) => sql.ref(column)))})`
const valuesOf = (rows: readonly (readonly string[])[]) =>
  sql<unknown>`(values ${sql.join(rows.map((row) => sql`(${sql.join([...row])})`))})`
const unionOf = (queries: readonly RawBuilder<unknown>[]) => sql<unknown>`(${sql.join([...queries], sql` union all `)})`
