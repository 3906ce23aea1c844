/** Connections to PostgreSQL, with values as SQLite gives them: numbers for `bigint` and sums, plain bytes for `bytea`. */
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import type { Logger } from '../../runtime/logging.ts'
import { reasonOf, StoreUnavailableError } from '../errors.ts'
import { type StorableValue, storable } from '../storable.ts'

/** In milliseconds; together they bound how long anybody waits for the store. */
export interface Patience {
  /** For a lock that somebody else has. */
  lock: number
  /** For a connection when all are in use, or for a turn alone. */
  turn: number
  /** For the server's answer to a statement. A server or a network that is frozen says nothing, for a quarter of an hour on TCP's own terms. */
  answer: number
}

/** The lock is waited for as long as on SQLite; a server that is well ends a statement before its answer is given up on. */
export const usualPatience: Patience = { lock: 5_000, turn: 10_000, answer: 35_000 }

/** Milliseconds. */
const connectTimeout = 10_000
const statementTimeout = 30_000
const idleInTransactionTimeout = 30_000
const connections = 10
/** Statement texts that are prepared by name; `in (…)` lists of ever new lengths must not fill the server's memory. */
const maxNamedStatements = 500

/**
 * Every statement of ours goes by an index. PostgreSQL guesses from old counts, and of tables that fill and empty by the second the counts
 * are always wrong: it would read whole tables, and a transaction that did collides with everybody who writes there. Since the way is the
 * same whatever the values, it is found once per statement and connection: looking for it each time costs more than going it.
 */
const byIndex = [
  'set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set enable_material = off',
  'set plan_cache_mode = force_generic_plan',
].join('; ')

/** As Kysely wants it. Repeated statements are parsed once per connection. */
export function createPool(url: string, logger: Logger, patience: Patience): PostgresPool {
  const pool = new pg.Pool({
    ...connectionOptions(url),
    max: connections,
    connectionTimeoutMillis: patience.turn,
    query_timeout: patience.answer,
    statement_timeout: statementTimeout,
    lock_timeout: patience.lock,
    idle_in_transaction_session_timeout: idleInTransactionTimeout,
  })
  pool.on('connect', (client) => {
    // The pool listens while a connection is idle, a query while it runs. Lost between two statements of a transaction, it would end the
    // process; the next statement fails anyway.
    client.on('error', () => {})
    client.query(byIndex).catch((error: Error) => logger.warn({ reason: error.message }, 'A database connection plans as it likes'))
  })
  pool.on('error', (error) => logger.warn({ reason: error.message }, 'An idle database connection was lost'))
  const nameOf = statementNames()
  return {
    options: pool.options,
    connect: async () => preparing(await pool.connect().catch(failed), nameOf),
    end: () => pool.end(),
  }
}

/** The server's errors have a code, the network's too. What the driver says by itself is about the connection: cut, silent, none free. */
const failed = (error: unknown): never => {
  if (error instanceof Error && 'code' in error) throw error
  throw new StoreUnavailableError(`No connection to PostgreSQL: ${reasonOf(error)}`, { cause: error })
}

export const connectionOptions = (url: string): pg.ClientConfig => ({
  connectionString: url,
  application_name: 'ryzeapi',
  connectionTimeoutMillis: connectTimeout,
  keepAlive: true,
  types: { getTypeParser },
})

const statementNames = () => {
  const names = new Map<string, string>()
  return (text: string): string | undefined => {
    const known = names.get(text)
    if (known || names.size >= maxNamedStatements) return known
    const name = `s${names.size}`
    names.set(text, name)
    return name
  }
}

const preparing = (client: pg.PoolClient, nameOf: (text: string) => string | undefined): PostgresPoolClient => {
  let released = false
  const release = (destroy?: boolean) => {
    if (!released) client.release(destroy)
    released = true
  }
  const query = async (text: string, parameters: readonly unknown[]) => {
    // Without parameters it is `begin`, `commit` or a migration: nothing worth preparing.
    const statement = parameters.length === 0 ? { text } : { name: nameOf(text), text, values: parameters.map(textOrBytes) }
    try {
      return await client.query(statement)
    } catch (error) {
      // The connection still waits for the answer, and would make everybody wait who gets it next.
      if (error instanceof Error && error.message === silence) release(true)
      return failed(error)
    }
  }
  // Kysely's other overload is for cursors, which need a configuration of their own.
  return { query: query as unknown as PostgresPoolClient['query'], release }
}

/** The driver's words when its `query_timeout` is over. */
const silence = 'Query read timeout'

/** PostgreSQL has no place for the character U+0000 in text, people's messages have. Kysely's own look at the catalogue asks with booleans. */
const textOrBytes = (value: unknown): StorableValue | boolean => {
  if (typeof value === 'boolean') return value
  const checked = storable(value)
  return typeof checked === 'string' && checked.includes('\0') ? checked.replaceAll('\0', '\uFFFD') : checked
}

const oid = { bytea: 17, int8: 20, numeric: 1700 }

function getTypeParser(type: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (type === oid.int8 || type === oid.numeric) return Number
  if (type === oid.bytea) return bytesOf
  return pg.types.getTypeParser(type, format === 'binary' ? 'text' : format)
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.slice(2), 'hex'))
