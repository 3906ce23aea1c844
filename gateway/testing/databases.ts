/** Runs a suite on both databases, each test with an empty one of its own. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeAll, describe, inject } from 'vitest'
import { createLogger } from '../src/runtime/logging.ts'
import type { Database, Writer } from '../src/storage/database.ts'
import { openPostgres } from '../src/storage/postgres/open.ts'
import { openSqlite } from '../src/storage/sqlite/open.ts'
import { openVault, type Vault } from '../src/storage/vault.ts'

const logger = createLogger('silent')

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

/** `own`: nobody had it before and nobody gets it after, for tests of the store itself. */
export type OpenTestDatabase = (options?: { own?: boolean }) => Promise<TestDatabase>

export type DatabaseSuite = (name: DatabaseName, open: OpenTestDatabase) => void

export const testEncryptionKey = Buffer.alloc(32, 7).toString('base64')

/**
 * `describe` blocks "on SQLite" and "on PostgreSQL" around `suite`. Call `open` inside a test or a `beforeEach`: what it opened is closed
 * after the test.
 */
export function forEachDatabase(suite: DatabaseSuite, names: DatabaseName[] = ['SQLite', 'PostgreSQL']): void {
  for (const name of names) {
    const open = openers[name]
    describe(`on ${name}`, () => {
      // The server takes its time to start, and no test shall pay for it.
      if (name === 'PostgreSQL') beforeAll(async () => void (await postgresUrl()))
      const opened: TestDatabase[] = []
      suite(name, async ({ own = false } = {}) => {
        const database = await open(own)
        opened.push(database)
        return database
      })
      afterEach(async () => {
        await Promise.all(opened.splice(0).map((database) => database.close()))
      })
    })
  }
}

const openOnSqlite = async (own: boolean): Promise<TestDatabase> => {
  const dataDir = await newFolder()
  if (!own) await writeFile(join(dataDir, 'gateway.sqlite'), await migratedFile(), { mode: 0o600 })
  const place = { dataDir, databaseUrl: undefined }
  return handedOut(await openSqlite({ dataDir, logger }), place)
}

/** Copied, because every migration waits for the disk. */
const migratedFile = (): Promise<Buffer> => {
  migrated ??= (async () => {
    const dataDir = await newFolder()
    await (await openSqlite({ dataDir, logger })).close()
    const bytes = await readFile(join(dataDir, 'gateway.sqlite'))
    await rm(dataDir, { recursive: true })
    return bytes
  })()
  return migrated
}
let migrated: Promise<Buffer> | undefined

/** A connection costs the server more than most tests do, and making a database more than emptying one: they stay open, and are used again. */
const openOnPostgres = async (own: boolean): Promise<TestDatabase> => {
  const { db, databaseUrl } = (own ? undefined : idle.pop()) ?? (await newPostgresDatabase())
  const place = { dataDir: await newFolder(), databaseUrl }
  if (own) return handedOut(db, place)
  return handedOut(borrowed(db), place, async () => {
    await db.write(emptyAllTables)
    idle.push({ db, databaseUrl })
  })
}
const idle: { db: Database; databaseUrl: string }[] = []

const newPostgresDatabase = async () => {
  const databaseUrl = await createDatabase()
  return { databaseUrl, db: await openPostgres({ url: databaseUrl, logger }) }
}

/** The same, but closing it closes it for the borrower alone: what still runs of an earlier test can write nothing into a later one. */
const borrowed = (db: Database): Database => {
  const running = new Set<Promise<unknown>>()
  let closed = false
  return {
    ...db,
    async write(work) {
      if (closed) throw new Error('The database is closed')
      const writing = db.write(work)
      running.add(writing)
      return writing.finally(() => running.delete(writing))
    },
    async close() {
      closed = true
      await Promise.allSettled(running)
    },
  }
}

/** As one statement, without triggers and foreign keys: truncating them all would take the server seven times as long. */
const emptyAllTables = async (tx: Writer): Promise<void> => {
  await sql
    .raw(`do $$
      declare each record;
      begin
        set local session_replication_role = replica;
        for each in select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%' loop
          execute format('delete from %I', each.tablename);
        end loop;
        for each in select sequencename, start_value from pg_sequences where schemaname = 'public' loop
          perform setval(format('%I', each.sequencename)::regclass, each.start_value, false);
        end loop;
      end $$`)
    .execute(tx)
}

const handedOut = async (db: Database, place: DatabasePlace, giveBack = async (): Promise<void> => {}): Promise<TestDatabase> => {
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      await db.close()
      await giveBack()
      await rm(place.dataDir, { recursive: true, force: true })
    })()
    return closing
  }
  try {
    return { db, vault: await openVault({ db, dataDir: place.dataDir, encryptionKey: testEncryptionKey }), place, close }
  } catch (error) {
    await close()
    throw error
  }
}

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'ryzeapi-test-'))

async function createDatabase(): Promise<string> {
  const url = new URL(await postgresUrl())
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await withClient(url.href, (client) => client.query(`create database ${name}`))
  url.pathname = `/${name}`
  return url.href
}

const openers: Record<DatabaseName, (own: boolean) => Promise<TestDatabase>> = { SQLite: openOnSqlite, PostgreSQL: openOnPostgres }

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
