/** The data folder: made private, and held by one gateway at a time. */
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
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
    const held = lock
    locks.add(held)
    return {
      release() {
        locks.delete(held)
        held.close()
      },
    }
  } catch (error) {
    lock?.close()
    if (isLocked(error))
      throw new DataInUseError(`The data folder ${dataDir} is in use by another gateway; stop it or set DATA_DIR to another folder`)
    throw new StoreUnavailableError(`The data folder ${dataDir} cannot be used: ${reasonOf(error)}`, { cause: error })
  }
}

/** Garbage collection would close one that nobody holds on to, and free the folder. */
const locks = new Set<DatabaseSync>()

/**
 * The folder 0700 and our files in it 0600 (folders 0700), whatever they were before and whatever the umask: an earlier version, a copy or a restored
 * backup may have left them open. A folder that holds other people's files too, `/var/lib` by mistake, keeps its mode; our files do not.
 */
export function prepareDataDirectory(dataDir: string): void {
  try {
    if (mkdirSync(dataDir, { recursive: true, mode: 0o700 })) chmodSync(dataDir, 0o700)
    const names = readdirSync(dataDir)
    if (names.every((name) => ours.test(name))) tighten(dataDir)
    for (const name of names) if (ours.test(name)) tighten(join(dataDir, name))
  } catch (error) {
    throw new StoreUnavailableError(`The data folder ${dataDir} cannot be made: ${reasonOf(error)}`, { cause: error })
  }
}

/** The database with its journals, the key, the lock; folders of media and of what is under way. */
const ours = /^(gateway\.sqlite.*|encryption\.key|lock|media|spool|tmp)$/

/** Asked only where something is to be taken away: some volumes refuse every change of mode. */
const tighten = (path: string): void => {
  const found = statSync(path)
  const mode = found.isDirectory() ? 0o700 : 0o600
  if ((found.mode & 0o777 & ~mode) !== 0) chmodSync(path, mode)
}
