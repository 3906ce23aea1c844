/**
 * Takes out what is too old, a few rows at a time so that nobody waits for it. Events go after the retention time, but not while a
 * delivery needs them: what waited that long for its receiver becomes a dead letter, and dead letters have a retention time of their own.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Clock } from '../runtime/clock.ts'
import { ulidFloor } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database, Writer } from '../storage/database.ts'
import { inEventOrder } from './webhooks/event-order.ts'

export interface Retention {
  start(): void
  stop(): Promise<void>
  /** One whole pass. Gives the number of events removed. */
  purge(): Promise<number>
}

interface Collaborators {
  db: Database
  clock: Clock
  logger: Logger
  /** Of events, and of what is known about the deliveries that were taken. */
  retentionMs: number
  deadLetterRetentionMs: number
}

const PASS_EVERY_MS = 60 * 60 * 1000
const CHUNK = 500
const PAUSE_MS = 50

export const createRetention = ({ db, clock, logger, retentionMs, deadLetterRetentionMs }: Collaborators): Retention => {
  let timer: NodeJS.Timeout | null = null
  let pass: Promise<unknown> = Promise.resolve()
  let stopped = false

  /** Ids are made with time, so that age is a matter of the key. */
  const floors = (): Floors => {
    const now = clock.now()
    const events = now - retentionMs
    const deadLetters = now - deadLetterRetentionMs
    return {
      waitingSince: events,
      event: ulidFloor(events),
      deadLetter: ulidFloor(deadLetters),
      attempt: ulidFloor(Math.min(events, deadLetters)),
    }
  }

  const purge = async (): Promise<number> => {
    const old = floors()
    let cursor = ''
    while (!stopped) {
      const webhooks = await db.read.selectFrom('webhooks').select('id').where('id', '>', cursor).orderBy('id').limit(CHUNK).execute()
      for (const { id } of webhooks) await purgeDeliveries(id, old)
      cursor = webhooks.at(-1)?.id ?? ''
      if (cursor === '') break
    }
    return purgeEvents(old)
  }

  const purgeDeliveries = async (webhookId: string, old: Floors): Promise<void> => {
    // Seen without a transaction: nearly always there is nothing to do.
    for (const { applies, run } of deliverySteps) {
      while (!stopped && (await applies(db, webhookId, old))) {
        await db.write((tx) => run(tx, webhookId, old))
        await sleep(PAUSE_MS)
      }
    }
  }

  const purgeEvents = async (old: Floors): Promise<number> => {
    let removed = 0
    let cursor = ''
    while (!stopped) {
      const after = cursor
      const window = await db.read
        .selectFrom('events')
        .select('id')
        .where('id', '>', after)
        .where('id', '<', old.event)
        .orderBy('id')
        .limit(CHUNK)
        .execute()
      const last = window.at(-1)?.id
      if (last === undefined) break
      removed += await db.write((tx) => removeUnneeded(tx, after, last))
      cursor = last
      await sleep(PAUSE_MS)
    }
    return removed
  }

  return {
    purge,
    start() {
      timer = setInterval(() => {
        pass = pass.then(purge).catch((error: unknown) => logger.error({ err: error }, 'Old events cannot be removed'))
      }, PASS_EVERY_MS)
      timer.unref()
    },
    async stop() {
      stopped = true
      if (timer !== null) clearInterval(timer)
      await pass
    },
  }
}

/** Event ids below which something is too old. */
interface Floors {
  event: string
  deadLetter: string
  attempt: string
  /** A delivery that waits since before this time is given up. */
  waitingSince: number
}

interface Step {
  applies(db: Database, webhookId: string, old: Floors): Promise<boolean>
  run(tx: Writer, webhookId: string, old: Floors): Promise<void>
}

const found = (row: unknown): boolean => row !== undefined

const deliverySteps: readonly Step[] = [
  {
    // Given up before its time: the receiver has been away for that long, or much stands before it in its chat.
    applies: (db, webhookId, old) => expired(db.read, webhookId, old).limit(1).executeTakeFirst().then(found),
    async run(tx, webhookId, old) {
      await tx
        .updateTable('deliveries')
        .set({ state: 'dead', last_error: sql`coalesce(last_error, 'never tried in time')` })
        .where(inEventOrder(webhookId))
        .where('state', '=', 'waiting')
        .where('event_id', 'in', expired(tx, webhookId, old).limit(CHUNK))
        .execute()
    },
  },
  {
    applies: (db, webhookId, old) => deadLetters(db.read, webhookId, old).limit(1).executeTakeFirst().then(found),
    async run(tx, webhookId, old) {
      await tx
        .deleteFrom('deliveries')
        .where(inEventOrder(webhookId))
        .where('state', '=', 'dead')
        .where('event_id', 'in', deadLetters(tx, webhookId, old).limit(CHUNK))
        .execute()
    },
  },
  {
    applies: (db, webhookId, old) => past(db.read, 'delivered', webhookId, old.event).limit(1).executeTakeFirst().then(found),
    async run(tx, webhookId, old) {
      await tx
        .deleteFrom('delivered')
        .where('webhook_id', '=', webhookId)
        .where('event_id', 'in', past(tx, 'delivered', webhookId, old.event).limit(CHUNK))
        .execute()
    },
  },
  {
    applies: (db, webhookId, old) => past(db.read, 'failed_attempts', webhookId, old.attempt).limit(1).executeTakeFirst().then(found),
    async run(tx, webhookId, old) {
      await tx
        .deleteFrom('failed_attempts')
        .where('webhook_id', '=', webhookId)
        .where('event_id', 'in', past(tx, 'failed_attempts', webhookId, old.attempt).limit(CHUNK))
        .execute()
    },
  },
]

const expired = (reader: Database['read'], webhookId: string, old: Floors) =>
  reader
    .selectFrom('deliveries')
    .select('event_id')
    .where(inEventOrder(webhookId))
    .where('state', '=', 'waiting')
    .where('event_id', '<', old.event)
    // A redelivery is younger than its event.
    .where('created_at', '<', old.waitingSince)
    .orderBy('event_id')

const deadLetters = (reader: Database['read'], webhookId: string, old: Floors) =>
  reader
    .selectFrom('deliveries')
    .select('event_id')
    .where(inEventOrder(webhookId))
    .where('state', '=', 'dead')
    .where('event_id', '<', old.deadLetter)
    .orderBy('event_id')

const past = (reader: Database['read'], table: 'delivered' | 'failed_attempts', webhookId: string, floor: string) =>
  reader.selectFrom(table).select('event_id').where('webhook_id', '=', webhookId).where('event_id', '<', floor).orderBy('event_id')

/** Of the events after `after` up to `last`, those that no delivery needs. Gives how many. */
const removeUnneeded = async (tx: Writer, after: string, last: string): Promise<number> =>
  Number((await unneeded(tx, after, last).executeTakeFirst()).numDeletedRows)

export const unneeded = (tx: Database['read'], after: string, last: string) =>
  tx
    .deleteFrom('events')
    .where('id', '>', after)
    .where('id', '<=', last)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          // By the webhooks of its instance: each is one look-up in the index of deliveries.
          selectFrom('webhooks as w')
            .innerJoin('deliveries as d', (join) => join.on(inEventOrder({ column: 'w.id' }, 'd')))
            .select('d.event_id')
            .whereRef('w.instance_id', '=', 'events.instance_id')
            .where('d.state', 'in', ['waiting', 'dead'])
            .whereRef('d.event_id', '=', 'events.id'),
        ),
      ),
    )
