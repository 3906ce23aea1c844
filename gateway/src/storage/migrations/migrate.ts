/** Brings a database to the newest schema. */
import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { reasonOf, StoreUnavailableError } from '../errors.ts'
import type { Schema } from '../schema.ts'
import { migrationsFor } from './index.ts'

/** All pending migrations in one transaction. Throws `StoreUnavailableError` when one fails or the database is newer than this program. */
export async function migrate(db: Kysely<Schema>, kind: 'sqlite' | 'postgres'): Promise<void> {
  const provider = { getMigrations: async () => migrationsFor(kind) }
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error === undefined) return
  const reason = reasonOf(error)
  if (/previously executed migration .* is missing/.test(reason)) {
    throw new StoreUnavailableError('The database was made by a newer version of the gateway; start that version, or restore a backup', {
      cause: error,
    })
  }
  throw new StoreUnavailableError(`The database schema cannot be brought up to date: ${reason}`, { cause: error })
}
