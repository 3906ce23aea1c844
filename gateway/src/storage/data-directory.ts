/** The data folder: made private, and held by one gateway at a time. */
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataInUseError, reasonOf, StoreUnavailableError } from './errors.ts'
import { isLocked } from './sqlite/connection.ts'

export interface HeldDirectory {
  release(): void
}

/**
 * Keeps other gateways out of the folder until `release()` or the end of the process, however it ends: the lock is an exclusive SQLite
 * transaction on a file of its own, which the operating system drops with the process. Throws `DataInUseError` or `StoreUnavailableError`.
 */
export function holdDataDirectory(dataDir: string): HeldDirectory {
  prepareDataDirectory(dataDir)
  const path = join(dataDir, 'lock')
  let lock: DatabaseSync | undefined
  try {
    closeSync(openSync(path, 'a', 0o600))
    lock = new DatabaseSync(path, { timeout: 0 })
    // No journal file beside it: nothing is ever written.
    lock.exec('pragma journal_mode = memory; begin exclusive')
    return { release: () => lock?.close() }
  } catch (error) {
    lock?.close()
    if (isLocked(error))
      throw new DataInUseError(`The data folder ${dataDir} is in use by another gateway; stop it or set DATA_DIR to another folder`)
    throw new StoreUnavailableError(`The data folder ${dataDir} cannot be used: ${reasonOf(error)}`, { cause: error })
  }
}

/** A folder we make is ours alone (0700); one that exists keeps the mode its owner gave it, our files in it are 0600. */
export function prepareDataDirectory(dataDir: string): void {
  try {
    if (mkdirSync(dataDir, { recursive: true, mode: 0o700 })) chmodSync(dataDir, 0o700)
  } catch (error) {
    throw new StoreUnavailableError(`The data folder ${dataDir} cannot be made: ${reasonOf(error)}`, { cause: error })
  }
}
