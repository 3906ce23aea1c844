/** One gateway per database: a session lock that PostgreSQL drops with the connection that holds it. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Logger } from '../../runtime/logging.ts'
import { DataInUseError, reasonOf, StoreUnavailableError } from '../errors.ts'
import { connectionOptions } from './pool.ts'

export interface SoleUser {
  /** Throws while the lock is lost. */
  check(): void
  release(): Promise<void>
}

/** Any number, as long as every version of the gateway uses the same. */
const lockId = 7_292_083_411
/** Milliseconds: a gateway that has just been stopped may still be closing its connection. */
const patience = 2_000
const pause = 250
/** A dead connection is noticed by the server after this many seconds without an answer, and its lock is free. */
const serverKeepalive = '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3'

/**
 * Throws `DataInUseError` when another gateway has the database, `StoreUnavailableError` when it cannot be reached. A lock lost on the way
 * (server restarted, network) is taken again as soon as possible; until then `check()` throws.
 */
export async function becomeSoleUser(url: string, logger: Logger): Promise<SoleUser> {
  const stop = new AbortController()
  let holder: pg.Client | undefined

  const acquire = async () => {
    const client = new pg.Client({ ...connectionOptions(url), options: serverKeepalive })
    client.on('error', () => {})
    try {
      await client.connect()
      if (!(await tryLock(client)))
        throw new DataInUseError('The database is in use by another gateway; stop it or set DATABASE_URL to another database')
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
    holder = client
    client.once('end', () => {
      if (holder !== client) return
      holder = undefined
      if (!stop.signal.aborted) void acquireAgain()
    })
  }

  const acquireAgain = async () => {
    logger.error('The lock on the database was lost with its connection')
    while (!holder && !stop.signal.aborted) {
      await sleep(pause * 4, undefined, { signal: stop.signal, ref: false }).catch(() => {})
      if (stop.signal.aborted) return
      await acquire().catch((error: unknown) =>
        logger.error({ reason: reasonOf(error) }, 'The lock on the database could not be taken again'),
      )
    }
  }

  try {
    await acquire()
  } catch (error) {
    if (error instanceof DataInUseError) throw error
    throw new StoreUnavailableError(`PostgreSQL at ${placeOf(url)} cannot be used: ${reasonOf(error)}`, { cause: error })
  }
  return {
    check() {
      if (!holder) throw new StoreUnavailableError('The lock on the database is lost')
    },
    async release() {
      stop.abort()
      const client = holder
      holder = undefined
      await client?.end()
    },
  }
}

const tryLock = async (client: pg.Client): Promise<boolean> => {
  const deadline = performance.now() + patience
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [lockId])
    if (rows[0]?.locked) return true
    if (performance.now() > deadline) return false
    await sleep(pause)
  }
}

/** Host, port and database; never the password. */
const placeOf = (url: string): string => {
  if (!URL.canParse(url)) return 'DATABASE_URL'
  const { host, pathname } = new URL(url)
  return `${host || 'its socket'}${pathname}`
}
