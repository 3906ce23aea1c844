/** Sending again what was given up or delivered before; a few at a time, so that nobody waits long. */
import { ApiError } from '../../http/errors.ts'
import type { Clock } from '../../runtime/clock.ts'
import { ulidFloor } from '../../runtime/ids.ts'
import type { Database, Writer } from '../../storage/database.ts'
import { inEventOrder, notUnderWay } from './event-order.ts'
import { makeLanesDue } from './lanes.ts'
import type { Position } from './listing.ts'
import type { WebhookKey, WebhookRepository } from './repository.ts'
import { webhookDisabled, webhookNotFound } from './webhook.ts'

export interface RedeliveryQuery {
  label?: string | undefined
  /** One event. */
  eventId?: string | undefined
  /** Events from this time on, milliseconds. */
  from?: number | undefined
  /** Events before this time. */
  to?: number | undefined
  /** Null = both. */
  state: 'dead' | 'delivered' | null
  /** Behind this one. */
  after?: Position | undefined
}

export interface Redelivery {
  /**
   * Of the enabled webhooks. `next`: that was as much as one call does, the next one begins behind it. Throws 404 for an unknown label, or
   * when the one event asked for has no delivery; 400 when the webhook asked for is disabled.
   */
  redeliver(instanceId: string, query: RedeliveryQuery): Promise<{ count: number; next: Position | null }>
}

interface Collaborators {
  db: Database
  clock: Clock
  repository: WebhookRepository
  /** Instance by webhook that got something to deliver. */
  wake(webhooks: ReadonlyMap<string, string>): void
  /** For tests: how much one call does. */
  mostPerCall?: number
}

const MOST_PER_CALL = 10_000
/** Rows per transaction. */
const CHUNK = 500

export const createRedelivery = ({ db, clock, repository, wake, mostPerCall = MOST_PER_CALL }: Collaborators): Redelivery => {
  const redeliver: Redelivery['redeliver'] = async (instanceId, query) => {
    const webhooks = await repository.keys(db.read, instanceId, query.label)
    if (query.label !== undefined && webhooks.length === 0) throw webhookNotFound()
    if (query.label !== undefined && webhooks[0]?.enabled === false) throw webhookDisabled()
    let count = 0
    for (const webhook of webhooks.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      if (!webhook.enabled || (query.after !== undefined && webhook.id < query.after.webhookId)) continue
      let after = webhook.id === query.after?.webhookId ? query.after.eventId : ''
      for (;;) {
        const room = Math.min(CHUNK, mostPerCall - count)
        if (room === 0) return { count, next: { webhookId: webhook.id, eventId: after } }
        const begun = await db.write((tx) => redeliverSome(tx, { webhook, instanceId, query, after, limit: room, now: clock.now() }))
        count += begun.length
        if (begun.length > 0) wake(new Map([[webhook.id, instanceId]]))
        after = begun.at(-1) ?? after
        if (begun.length < room) break
      }
    }
    if (query.eventId !== undefined && count === 0) throw new ApiError(404, 'Delivery not found')
    return { count, next: null }
  }

  return { redeliver }
}

interface Some {
  webhook: WebhookKey
  instanceId: string
  query: RedeliveryQuery
  /** Behind this event. */
  after: string
  limit: number
  now: number
}

interface Chosen {
  eventId: string
  lane: string
}

/** Gives the ids of the events that are delivered again, in order. */
const redeliverSome = async (tx: Writer, some: Some): Promise<string[]> => {
  const { webhook, instanceId, query, limit, now } = some
  // Nothing else would notice a webhook that was switched off since: what waits for it must not be added to.
  const present = await tx.selectFrom('webhooks').select('enabled').where('id', '=', webhook.id).executeTakeFirst()
  if (present?.enabled !== 1) return []
  const dead = query.state === 'delivered' ? [] : await deadIn(tx, some)
  const delivered = query.state === 'dead' ? [] : await deliveredIn(tx, some)
  // One that waits already is tried at once.
  const waiting = query.eventId === undefined ? [] : await waitingIn(tx, some)
  const chosen = [...dead, ...delivered, ...waiting].sort((a, b) => (a.eventId < b.eventId ? -1 : 1)).slice(0, limit)
  const ids = new Set(chosen.map(({ eventId }) => eventId))
  await revive(tx, webhook.id, idsOf(dead, ids), now)
  await addAgain(
    tx,
    webhook.id,
    instanceId,
    delivered.filter(({ eventId }) => ids.has(eventId)),
    now,
  )
  await makeLanesDue(tx, webhook.id, instanceId, [...new Set(chosen.map(({ lane }) => lane))], now)
  return chosen.map(({ eventId }) => eventId)
}

const idsOf = (list: readonly Chosen[], among: ReadonlySet<string>): string[] =>
  list.map(({ eventId }) => eventId).filter((id) => among.has(id))

const deadIn = (tx: Writer, { webhook, query, after, limit }: Some): Promise<Chosen[]> =>
  tx
    .selectFrom('deliveries')
    .select(['event_id as eventId', 'lane'])
    .where(inEventOrder(webhook.id))
    .where('state', '=', 'dead')
    .where('event_id', '>', after)
    .where('event_id', '>=', leastId(query))
    .where('event_id', '<=', mostId(query))
    .orderBy('event_id')
    .limit(limit)
    .execute()

const waitingIn = (tx: Writer, { webhook, query, after }: Some): Promise<Chosen[]> =>
  tx
    .selectFrom('deliveries')
    .select(['event_id as eventId', 'lane'])
    .where(inEventOrder(webhook.id))
    .where('state', '=', 'waiting')
    .where('event_id', '=', query.eventId ?? '')
    .where('event_id', '>', after)
    .execute()

/** Delivered, still in the log, and not on its way again. */
const deliveredIn = (tx: Writer, { webhook, query, after, limit }: Some): Promise<Chosen[]> =>
  tx
    .selectFrom('delivered as d')
    .innerJoin('events as e', 'e.id', 'd.event_id')
    .select(['d.event_id as eventId', 'e.lane as lane'])
    .where('d.webhook_id', '=', webhook.id)
    .where('d.event_id', '>', after)
    .where('d.event_id', '>=', leastId(query))
    .where('d.event_id', '<=', mostId(query))
    .where(notUnderWay)
    .orderBy('d.event_id')
    .limit(limit)
    .execute()

const revive = async (tx: Writer, webhookId: string, eventIds: readonly string[], now: number): Promise<void> => {
  if (eventIds.length === 0) return
  await tx
    .updateTable('deliveries')
    .set((row) => ({
      state: 'waiting',
      earlier_attempts: row('earlier_attempts', '+', row.ref('attempts')),
      attempts: 0,
      created_at: now,
    }))
    .where(inEventOrder(webhookId))
    .where('state', '=', 'dead')
    .where('event_id', 'in', eventIds)
    .execute()
}

const addAgain = async (tx: Writer, webhookId: string, instanceId: string, chosen: readonly Chosen[], now: number): Promise<void> => {
  if (chosen.length === 0) return
  const ids = chosen.map(({ eventId }) => eventId)
  // The numbers of attempts go on where they ended.
  const failed = await tx
    .selectFrom('failed_attempts')
    .select((row) => ['event_id', row.fn.max('number').as('number')])
    .where('webhook_id', '=', webhookId)
    .where('event_id', 'in', ids)
    .groupBy('event_id')
    .execute()
  const earlier = new Map(failed.map((row) => [row.event_id, row.number]))
  await tx
    .insertInto('deliveries')
    .values(
      chosen.map(({ eventId, lane }) => ({
        webhook_id: webhookId,
        lane,
        event_id: eventId,
        instance_id: instanceId,
        attempts: 0,
        earlier_attempts: earlier.get(eventId) ?? 0,
        state: 'waiting' as const,
        last_status: null,
        last_error: null,
        created_at: now,
      })),
    )
    .execute()
}

const leastId = ({ eventId, from }: RedeliveryQuery): string => eventId ?? (from === undefined ? '' : ulidFloor(from))
const mostId = ({ eventId, to }: RedeliveryQuery): string => eventId ?? idBefore(to)

/** No id from this time on is as small, and all before are smaller. `Z` is greater than all. */
export const idBefore = (time: number | undefined): string => (time === undefined ? 'Z' : ulidFloor(time))
