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

/** A foreign error in one line. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
