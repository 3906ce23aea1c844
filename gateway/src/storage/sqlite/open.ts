/** The embedded database: one file, one connection that writes, one that reads. */
import { chmodSync, closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Logger } from '../../runtime/logging.ts'
import type { Database } from '../database.ts'
import { reasonOf, StoreUnavailableError } from '../errors.ts'
import { migrate } from '../migrations/migrate.ts'
import { connectSqlite, type SqliteConnection } from './connection.ts'
import { ownerOf, readerOn } from './dialect.ts'
import { createGroupCommit, type GroupCommitLimits } from './group-commit.ts'
import { createWalFlush } from './wal-flush.ts'

export interface OpenSqlite {
  /** Exists already. */
  dataDir: string
  logger: Logger
  limits?: Partial<GroupCommitLimits>
}

export const sqliteFile = 'gateway.sqlite'

/**
 * `normal`: the group commit flushes by itself (`wal-flush.ts`). `wal_autocheckpoint`, pages of 4 KiB: moving the journal into the file costs two
 * flushes inside a commit, and pages written again and again in the meantime move once. `secure_delete`: what a deleted instance leaves in the file is
 * overwritten.
 */
const writerPragmas = [
  'journal_mode = wal',
  'synchronous = normal',
  'wal_autocheckpoint = 4000',
  'foreign_keys = on',
  'secure_delete = fast',
  'temp_store = memory',
  `journal_size_limit = ${64 * 1024 * 1024}`,
]

/** Throws `StoreUnavailableError`. */
export async function openSqlite({ dataDir, logger, limits }: OpenSqlite): Promise<Database> {
  const path = join(dataDir, sqliteFile)
  const writing = openWriting(path)
  try {
    await migrate(ownerOf(writing), 'sqlite')
  } catch (error) {
    writing.close()
    throw error
  }
  const reading = connectSqlite(path, { readOnly: true, pragmas: ['query_only = on'] })
  const read = readerOn(reading)
  const journal = createWalFlush(path)
  const { write, close } = createGroupCommit({ connection: writing, flush: journal.flush, logger, limits })
  let closing: Promise<void> | undefined

  return {
    kind: 'sqlite',
    read,
    write,
    async check() {
      await sql`select 1`.execute(read)
      // Writes one page and flushes it: notices a full disk, a lock and a write that holds up the others.
      await write((tx) => sql`pragma user_version = 1`.execute(tx))
    },
    close() {
      closing ??= close().then(async () => {
        await journal.close()
        await read.destroy()
        reading.close()
        writing.close()
      })
      return closing
    },
  }
}

const openWriting = (path: string): SqliteConnection => {
  try {
    makePrivate(path)
    return connectSqlite(path, { readOnly: false, pragmas: writerPragmas })
  } catch (error) {
    throw new StoreUnavailableError(`The database file ${path} cannot be opened: ${reasonOf(error)}`, { cause: error })
  }
}

/** SQLite gives its journal files the mode of the database file. */
const makePrivate = (path: string): void => {
  closeSync(openSync(path, 'a', 0o600))
  chmodSync(path, 0o600)
}
