/** Events over a database with one account and one instance, for the stories in this folder. */

import type { TestDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import { ApiError } from '../../http/errors.ts'
import type { HandedRequest } from '../../http/operation.ts'
import { parse } from '../../http/validation.ts'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { createLogger } from '../../runtime/logging.ts'
import type { OpenBlob } from '../blobs.ts'
import { createEvents, type Events } from '../events.ts'
import type { SetAlarm } from '../webhooks/delivery.ts'
import { type DeliveryRules, usualRules } from '../webhooks/rules.ts'
import { type HubLimits, usualHubLimits } from '../websocket/hub.ts'
import { loopbackOutbound } from './outbound.ts'

export const TOKEN = 'ryz_i_test-token'

/** The usual rules with seconds instead of minutes and hours as milliseconds, and without chance. */
export const quickRules: DeliveryRules = {
  ...usualRules,
  waits: [0, 20, 40, 60, 80, 100],
  jitter: 0,
  probeEveryMs: 20,
  // Of receivers that are held up on purpose; nobody waits for these.
  timeoutMs: 60_000,
  leaseMs: 120_000,
}

export interface Stage {
  database: TestDatabase
  events: Events
  /** Reports an event with a counter as data. */
  emit(lane: string, n: number, options?: { instanceId?: string; name?: 'message.exchange' | 'message.status' }): Promise<string>
  /** What the HTTP layer does with an operation, without HTTP; its answer fits what it declares. */
  call(id: string, request?: { body?: unknown; query?: Record<string, string>; signal?: AbortSignal }): Promise<Answered>
  addInstance(id: string): Promise<void>
  deliveries(): Promise<{ state: string; attempts: number; last_status: number | null; last_error: string | null; lane: string }[]>
  close(): Promise<void>
  /** Ends this gateway and begins another over the same database. */
  restart(options?: StageOptions): Promise<Stage>
}

export interface Answered {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
  body: any
}

export interface StageOptions {
  rules?: Partial<DeliveryRules>
  hubLimits?: Partial<HubLimits>
  concurrency?: number
  eventToken?: boolean
  openBlob?: OpenBlob
  clock?: Clock
  alarm?: SetAlarm
}

export const INSTANCE = 'instance-1'

export const openStage = async (database: TestDatabase, options: StageOptions = {}): Promise<Stage> => {
  await addAccount(database.db, 'account-1')
  const stage = build(database, options)
  await stage.addInstance(INSTANCE)
  await stage.events.start()
  return stage
}

const build = (
  database: TestDatabase,
  { rules, hubLimits, concurrency = 64, eventToken = true, openBlob, clock = systemClock, alarm }: StageOptions,
): Stage => {
  const { db, vault } = database
  const outbound = loopbackOutbound()
  const events = createEvents({
    db,
    vault,
    clock,
    outbound,
    logger: createLogger('silent'),
    settings: {
      baseUrl: 'http://gateway.test',
      eventToken,
      eventRetentionDays: 7,
      deadLetterRetentionDays: 30,
      deliveryConcurrency: concurrency,
    },
    tokenOf: async () => TOKEN,
    ...(openBlob && { openBlob }),
    ...(alarm && { alarm }),
    rules: { ...quickRules, ...rules },
    hubLimits: { ...usualHubLimits, ...hubLimits },
    stopGraceMs: 200,
  })
  return {
    database,
    events,
    emit: async (lane, n, { instanceId = INSTANCE, name = 'message.exchange' } = {}) => {
      const [id = ''] = await events.write((_tx, record) => record({ instanceId, name, lane, data: { n } }))
      return id
    },
    async call(id, { body, query = {}, signal = new AbortController().signal } = {}) {
      const operation = events.operations.find((one) => one.id === id)
      if (operation === undefined) throw new Error(`there is no operation ${id}`)
      try {
        const answer = await operation.handle({
          scope: { instance: { id: INSTANCE } },
          body: operation.body === undefined ? undefined : parse(operation.body, body ?? {}, 'request body'),
          query: operation.query === undefined ? undefined : parse(operation.query, query, 'query'),
          signal,
        } as unknown as HandedRequest)
        operation.answers[answer.status]?.parse(answer.body)
        return { status: answer.status, body: answer.body }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        return { status: error.status, body: { error: error.message } }
      }
    },
    addInstance: (id) => addInstance(db, id, 'account-1', { name: `shop ${id}`, state: 'connected', wanted: 1 }),
    deliveries: () =>
      db.read.selectFrom('deliveries').select(['state', 'attempts', 'last_status', 'last_error', 'lane']).orderBy('event_id').execute(),
    async close() {
      await events.stop()
      await outbound.close()
    },
    async restart(options = {}) {
      await this.close()
      const next = build(database, options)
      await next.events.start()
      return next
    },
  }
}

/** Looks again until it holds; for what ends in the database and tells nobody. */
export const eventually = async (holds: () => Promise<boolean>, what = 'the condition'): Promise<void> => {
  const end = Date.now() + 30_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`${what} never came true`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
