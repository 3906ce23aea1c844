/** The server database: a pool, serialisable transactions that are repeated when they collide, and a lock against a second gateway. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Kysely, PostgresDialect, sql } from 'kysely'
import type { Logger } from '../../runtime/logging.ts'
import type { Database, Writer } from '../database.ts'
import { StoreOverloadedError } from '../errors.ts'
import { migrate } from '../migrations/migrate.ts'
import type { Schema } from '../schema.ts'
import { createPool, type Patience, usualPatience } from './pool.ts'
import { becomeSoleUser } from './sole-user.ts'
import { createTurns, type Turns } from './turns.ts'

export interface OpenPostgres {
  url: string
  logger: Logger
  patience?: Partial<Patience>
}

/** Milliseconds a check waits for a lock: its answer is wanted soon. */
const lockTimeoutOfCheck = 1_500
/** Writes waiting for a connection; more are refused. */
const maxWaiting = 50_000
/** Attempts beside other writes; then it gets a turn alone, with nobody of this gateway, the only one there is, to collide with. */
const attemptsTogether = { order: 4, key: 2 }
const maxAttempts = 8

export async function openPostgres({ url, logger, patience: given = {} }: OpenPostgres): Promise<Database> {
  const patience = { ...usualPatience, ...given }
  const soleUser = await becomeSoleUser(url, logger)
  const read = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: createPool(url, logger, patience) }) })
  const close = async () => {
    await read.destroy()
    await soleUser.release()
  }
  try {
    await migrate(read, 'postgres')
  } catch (error) {
    await close()
    throw error
  }
  const turns = createTurns(patience.turn)
  const running = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const write = async <T>(work: (tx: Writer) => Promise<T>): Promise<T> => {
    if (closing) throw new Error('The database is closed')
    if (running.size >= maxWaiting) throw new StoreOverloadedError(running.size)
    const writing = repeatedOnCollision(turns, () => read.transaction().setIsolationLevel('serializable').execute(work))
    running.add(writing)
    try {
      return await writing
    } finally {
      running.delete(writing)
    }
  }

  return {
    kind: 'postgres',
    read,
    write,
    async check() {
      soleUser.check()
      await write(async (tx) => {
        // Whoever waits for a lock keeps a connection from the others.
        await sql`set local lock_timeout = ${sql.lit(lockTimeoutOfCheck)}`.execute(tx)
        // What a message passes through must not be locked by somebody else …
        await sql`lock table signal_records, inbox, messages, events, deliveries, delivery_lanes in row exclusive mode`.execute(tx)
        // … and something has to be written: a server that is read-only or has no room answers questions all the same.
        await sql`update vault_checks set value = value`.execute(tx)
      })
    },
    close() {
      closing ??= Promise.allSettled(running).then(close)
      return closing
    },
  }
}

async function repeatedOnCollision<T>(turns: Turns, transaction: () => Promise<T>): Promise<T> {
  let alone = false
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await (alone ? turns.alone(transaction) : turns.together(transaction))
    } catch (error) {
      const collision = collisionIn(error)
      // Alone, nobody else's row can have come between.
      if (collision === null || attempt === maxAttempts || (alone && collision === 'key')) throw error
      alone = attempt >= attemptsTogether[collision]
      await sleep(Math.random() * Math.min(2 ** attempt, 200))
    }
  }
}

/**
 * `order`: serialization_failure, deadlock_detected; nothing is wrong but the moment. `key`: unique_violation; mostly the same, two
 * transactions that each looked first and found nothing. One that stays is the caller's mistake.
 */
const collisionIn = (error: unknown): keyof typeof attemptsTogether | null => {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === '40001' || code === '40P01') return 'order'
  return code === '23505' ? 'key' : null
}
