/** The deliveries of an instance and what happened to each, newest event first. */
import type { Database } from '../../storage/database.ts'
import { inEventOrder, notUnderWay } from './event-order.ts'
import type { WebhookKey, WebhookRepository } from './repository.ts'
import { webhookNotFound } from './webhook.ts'

export const deliveryStates = ['waiting', 'dead', 'delivered'] as const
export type DeliveryState = (typeof deliveryStates)[number]

export interface ListedAttempt {
  at: number
  /** Null when there was no answer. */
  status: number | null
  durationMs: number
  /** Null for the one that was taken. */
  error: string | null
  /** First characters of the answer. */
  answer: string
}

export interface ListedDelivery {
  eventId: string
  /** Null when the event itself is gone. */
  event: string | null
  label: string
  state: DeliveryState
  createdAt: number
  /** Of a waiting one: when its chat is due; what stands before it goes first. */
  nextAttemptAt: number | null
  /** Why it is not delivered yet, or no longer going to be. */
  error: string | null
  /** Oldest first; of very many the newest. */
  attempts: ListedAttempt[]
}

/** Behind this delivery the next page begins. */
export interface Position {
  eventId: string
  webhookId: string
}

export interface ListQuery {
  label?: string | undefined
  state?: DeliveryState | undefined
  limit: number
  after?: Position | undefined
}

export interface DeliveryList {
  /** Throws 404 for an unknown label. */
  page(instanceId: string, query: ListQuery): Promise<{ deliveries: ListedDelivery[]; next: Position | null }>
}

interface Found extends Position {
  label: string
  state: DeliveryState
  lane: string | null
  createdAt: number
  error: string | null
}

/**
 * Each (webhook, state) is a stretch of an index in the order of the page; a page is the first of all stretches together. So its cost
 * depends on its length and the number of webhooks, not on how many deliveries there are.
 */
export const createDeliveryList = ({ db, repository }: { db: Database; repository: WebhookRepository }): DeliveryList => ({
  async page(instanceId, { label, state, limit, after }) {
    const webhooks = await repository.keys(db.read, instanceId, label)
    if (label !== undefined && webhooks.length === 0) throw webhookNotFound()
    const states = state === undefined ? deliveryStates : [state]
    const stretches = await Promise.all(
      webhooks.flatMap((webhook) =>
        states.map((one) =>
          one === 'delivered' ? delivered(db, webhook, after, limit + 1) : undelivered(db, webhook, one, after, limit + 1),
        ),
      ),
    )
    const found = stretches.flat().sort(newestFirst)
    const here = found.slice(0, limit)
    const last = here.at(-1)
    const next = found.length > limit && last !== undefined ? { eventId: last.eventId, webhookId: last.webhookId } : null
    return { deliveries: await withDetails(db, here), next }
  },
})

const newestFirst = (a: Found, b: Found): number => compare(b.eventId, a.eventId) || compare(b.webhookId, a.webhookId)
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The operator that keeps a webhook's events behind the position. */
const behind = (webhook: WebhookKey, after: Position) => (webhook.id < after.webhookId ? '<=' : '<')

const undelivered = async (
  { read }: Database,
  webhook: WebhookKey,
  state: 'waiting' | 'dead',
  after: Position | undefined,
  limit: number,
): Promise<Found[]> => {
  const rows = await read
    .selectFrom('deliveries')
    .select(['event_id as eventId', 'lane', 'created_at as createdAt', 'last_error as error'])
    .where(inEventOrder(webhook.id))
    .where('state', '=', state)
    .$if(after !== undefined, (query) => (after === undefined ? query : query.where('event_id', behind(webhook, after), after.eventId)))
    .orderBy('event_id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, webhookId: webhook.id, label: webhook.label, state }))
}

const delivered = async ({ read }: Database, webhook: WebhookKey, after: Position | undefined, limit: number): Promise<Found[]> => {
  const rows = await read
    .selectFrom('delivered as d')
    .select(['d.event_id as eventId', 'd.at as createdAt'])
    .where('d.webhook_id', '=', webhook.id)
    // What is being delivered once more is listed as that.
    .where(notUnderWay)
    .$if(after !== undefined, (query) => (after === undefined ? query : query.where('d.event_id', behind(webhook, after), after.eventId)))
    .orderBy('d.event_id', 'desc')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, webhookId: webhook.id, label: webhook.label, state: 'delivered', lane: null, error: null }))
}

const withDetails = async (db: Database, found: readonly Found[]): Promise<ListedDelivery[]> => {
  if (found.length === 0) return []
  const [events, dueTimes, attempts] = await Promise.all([eventsOf(db, found), dueTimesOf(db, found), attemptsOf(db, found)])
  return found.map((delivery) => {
    const { eventId, webhookId, label, state, lane, createdAt, error } = delivery
    const event = events.get(eventId)
    return {
      eventId,
      event: event?.name ?? null,
      label,
      state,
      createdAt: event?.created_at ?? createdAt,
      nextAttemptAt: state === 'waiting' && lane !== null ? (dueTimes.get(keyOf(webhookId, lane)) ?? null) : null,
      error,
      attempts: attempts.get(keyOf(webhookId, eventId)) ?? [],
    }
  })
}

const eventsOf = async ({ read }: Database, found: readonly Found[]) => {
  const ids = [...new Set(found.map(({ eventId }) => eventId))]
  const rows = await read.selectFrom('events').select(['id', 'name', 'created_at']).where('id', 'in', ids).execute()
  return new Map(rows.map((row) => [row.id, row]))
}

const dueTimesOf = async ({ read }: Database, found: readonly Found[]): Promise<Map<string, number>> => {
  const waiting = found.filter(({ state }) => state === 'waiting')
  const rows = await Promise.all(
    [...Map.groupBy(waiting, ({ webhookId }) => webhookId)].map(([webhookId, deliveries]) =>
      read
        .selectFrom('delivery_lanes')
        .select(['webhook_id', 'lane', 'next_attempt_at'])
        .where('webhook_id', '=', webhookId)
        .where('lane', 'in', [...new Set(deliveries.map(({ lane }) => lane ?? ''))])
        .execute(),
    ),
  )
  return new Map(rows.flat().map((row) => [keyOf(row.webhook_id, row.lane), row.next_attempt_at]))
}

const attemptsOf = async ({ read }: Database, found: readonly Found[]): Promise<Map<string, ListedAttempt[]>> => {
  const byWebhook = [...Map.groupBy(found, ({ webhookId }) => webhookId)]
  const columns = ['webhook_id', 'event_id', 'at', 'status', 'duration_ms as durationMs', 'answer'] as const
  const rows = await Promise.all(
    byWebhook.flatMap(([webhookId, deliveries]) => {
      const ids = deliveries.map(({ eventId }) => eventId)
      return [
        read
          .selectFrom('failed_attempts')
          .select([...columns, 'error'])
          .where('webhook_id', '=', webhookId)
          .where('event_id', 'in', ids)
          .execute(),
        read
          .selectFrom('delivered')
          .select([...columns, (row) => row.val<string | null>(null).as('error')])
          .where('webhook_id', '=', webhookId)
          .where('event_id', 'in', ids)
          .execute(),
      ]
    }),
  )
  const attempts = new Map<string, ListedAttempt[]>()
  for (const { webhook_id, event_id, ...attempt } of rows.flat()) {
    const key = keyOf(webhook_id, event_id)
    attempts.set(key, [...(attempts.get(key) ?? []), attempt])
  }
  for (const list of attempts.values()) list.sort((a, b) => a.at - b.at)
  return attempts
}

const keyOf = (webhookId: string, rest: string): string => `${webhookId} ${rest}`
