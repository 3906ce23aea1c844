/** What can go wrong with the store itself. Their messages are for the operator: one line, saying what to do. */

/** Writes are issued faster than the store takes them. */
export class StoreOverloadedError extends Error {
  override readonly name = 'StoreOverloadedError'
  constructor(waiting: number) {
    super(`The database has ${waiting} writes waiting and takes no more`)
  }
}

/** Another gateway works on the same data. */
export class DataInUseError extends Error {
  override readonly name = 'DataInUseError'
}

/** The data folder or the database server cannot be used at all. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError'
}

/** There is sealed data that none of the keys at hand opens. */
export class WrongKeyError extends Error {
  override readonly name = 'WrongKeyError'
}

/**
 * Whether the store itself is at fault: it is full, locked, read-only, gone. What it did not take then it takes another time; any other error
 * speaks about what it was given.
 */
export const isStoreFailure = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false
  if (error instanceof StoreOverloadedError || error instanceof StoreUnavailableError) return true
  // Extended result codes of SQLite have the plain one in their lower byte.
  if ('errcode' in error && typeof error.errcode === 'number') return sqliteFailures.has(error.errcode & 0xff)
  return 'code' in error && typeof error.code === 'string' && postgresFailure.test(error.code)
}

/** BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN. Damage stays, so waiting for its end would be waiting for ever. */
const sqliteFailures: ReadonlySet<number> = new Set([5, 6, 8, 10, 13, 14])

/**
 * Classes 08 (connection), 53 (resources), 57 (operator, time), 58 (system); read-only, a lock that was not had, the end of idle transactions;
 * and what the network says.
 */
const postgresFailure = /^(08|53|57|58)...$|^(25006|25P03|55P03)$|^E[A-Z]{4,}$/

/** A foreign error in one line. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
