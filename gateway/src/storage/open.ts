/** Opens the database the settings name, brought up to the newest schema. */
import type { Logger } from '../runtime/logging.ts'
import { prepareDataDirectory } from './data-directory.ts'
import type { Database } from './database.ts'

export interface OpenDatabase {
  /** Home of the SQLite file and of the encryption key; made with mode 0700 when it does not exist. */
  dataDir: string
  /** `postgres://…`; without it the data is in `dataDir`. */
  databaseUrl?: string | undefined
  logger: Logger
}

/** Throws `StoreUnavailableError`, or `DataInUseError` when another gateway has the PostgreSQL database; hold the data folder first. */
export async function openDatabase({ dataDir, databaseUrl, logger }: OpenDatabase): Promise<Database> {
  prepareDataDirectory(dataDir)
  // Only the driver that is wanted is loaded.
  if (databaseUrl) return (await import('./postgres/open.ts')).openPostgres({ url: databaseUrl, logger })
  return (await import('./sqlite/open.ts')).openSqlite({ dataDir, logger })
}
