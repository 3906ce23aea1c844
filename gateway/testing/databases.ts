/** Runs a suite on both databases, each test with an empty one of its own. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeAll, describe, inject } from 'vitest'
import { createLogger } from '../src/runtime/logging.ts'
import type { Database } from '../src/storage/database.ts'
import { migrationsFor } from '../src/storage/migrations/index.ts'
import { openDatabase } from '../src/storage/open.ts'
import { openVault, type Vault } from '../src/storage/vault.ts'

export type DatabaseName = 'SQLite' | 'PostgreSQL'

export interface TestDatabase {
  db: Database
  vault: Vault
  /** Where it is, to open it once more. */
  place: DatabasePlace
  /** Closes and removes it. Happens after the test too; calling it twice is fine. */
  close(): Promise<void>
}

export interface DatabasePlace {
  dataDir: string
  databaseUrl: string | undefined
}

export type DatabaseSuite = (name: DatabaseName, open: (options?: { keep?: boolean }) => Promise<TestDatabase>) => void

export const testEncryptionKey = Buffer.alloc(32, 7).toString('base64')

/**
 * `describe` blocks "on SQLite" and "on PostgreSQL" around `suite`. Call `open` inside a test or a `beforeEach`: what it opened is closed
 * after the test; in a `beforeAll`, close it yourself and pass `{ keep: true }`.
 */
export function forEachDatabase(suite: DatabaseSuite, names: DatabaseName[] = ['SQLite', 'PostgreSQL']): void {
  for (const name of names) {
    const makePlace = makers[name]
    describe(`on ${name}`, () => {
      // The server takes its time to start, and no test shall pay for it.
      if (name === 'PostgreSQL') beforeAll(async () => void (await postgresUrl()))
      const opened: TestDatabase[] = []
      suite(name, async ({ keep = false } = {}) => {
        const database = await openIn(await makePlace())
        if (!keep) opened.push(database)
        return database
      })
      afterEach(async () => {
        await Promise.all(opened.splice(0).map((database) => database.close()))
      })
    })
  }
}

interface TemporaryPlace extends DatabasePlace {
  remove(): Promise<void>
}

async function openIn({ remove, ...place }: TemporaryPlace): Promise<TestDatabase> {
  try {
    const db = await openDatabase({ ...place, logger: createLogger('silent') })
    const vault = await openVault({ db, dataDir: place.dataDir, encryptionKey: testEncryptionKey })
    let closing: Promise<void> | undefined
    const close = () => {
      closing ??= db.close().then(remove)
      return closing
    }
    return { db, vault, place, close }
  } catch (error) {
    await remove()
    throw error
  }
}

const sqlitePlace = async (): Promise<TemporaryPlace> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ryzeapi-test-'))
  return { dataDir, databaseUrl: undefined, remove: () => rm(dataDir, { recursive: true, force: true }) }
}

/** Making a database takes five times as long as emptying one, so they are used again. */
const emptied: string[] = []

const postgresPlace = async (): Promise<TemporaryPlace> => {
  const { dataDir, remove } = await sqlitePlace()
  const databaseUrl = emptied.pop() ?? (await createDatabase())
  return {
    dataDir,
    databaseUrl,
    async remove() {
      if (await emptyDatabase(databaseUrl)) emptied.push(databaseUrl)
      await remove()
    },
  }
}

async function createDatabase(): Promise<string> {
  const url = new URL(await postgresUrl())
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await withClient(url.href, (client) => client.query(`create database ${name}`))
  url.pathname = `/${name}`
  return url.href
}

/** False when the schema is not the one of this version, after a test about migrations. */
const emptyDatabase = (url: string): Promise<boolean> =>
  withClient(url, async (client) => {
    const migrations = await client.query<{ name: string }>('select name from kysely_migration order by name').catch(() => ({ rows: [] }))
    if (migrations.rows.map((row) => row.name).join() !== Object.keys(migrationsFor('postgres')).join()) return false
    const tables = await client.query<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' and tablename not like 'kysely%'`,
    )
    await client.query(`truncate ${tables.rows.map((row) => row.name).join()} restart identity cascade`)
    return true
  })

const makers: Record<DatabaseName, () => Promise<TemporaryPlace>> = { SQLite: sqlitePlace, PostgreSQL: postgresPlace }

/** The run's server, started when it is not yet. */
async function postgresUrl(): Promise<string> {
  const response = await fetch(inject('postgresBroker'))
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
