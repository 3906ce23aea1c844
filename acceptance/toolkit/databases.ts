/** Databases a gateway can be started on, and a look into what it left there. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Client } from 'pg'
import { inject } from 'vitest'

export type DatabaseName = 'SQLite' | 'PostgreSQL'

export const bothDatabases: readonly DatabaseName[] = ['SQLite', 'PostgreSQL']

/** DATABASE_URL of an empty database; undefined for SQLite, whose file lies in the data folder. */
export const freshDatabaseUrl = async (database: DatabaseName): Promise<string | undefined> => {
  if (database === 'SQLite') return undefined
  // Answers with the URL of the run's server and starts it for the first who asks.
  const server = await (await fetch(inject('postgresBroker'))).text()
  const name = `acceptance_${randomUUID().replaceAll('-', '')}`
  await withPostgres(server, (client) => client.query(`create database ${name}`))
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

export interface OwnPostgres {
  /** DATABASE_URL of its empty database. */
  readonly url: string
  stop(): Promise<void>
  start(): Promise<void>
}

/** A PostgreSQL server of its own, for a story that stops it. It goes with the run. */
export const startOwnPostgres = async (): Promise<OwnPostgres> => {
  const ask = async (path: string): Promise<string> => {
    const response = await fetch(new URL(path, inject('postgresBroker')), { method: 'POST' })
    if (!response.ok) throw new Error(await response.text())
    return response.text()
  }
  const url = await ask('/own')
  return { url, stop: async () => void (await ask(`/halt?${url}`)), start: async () => void (await ask(`/resume?${url}`)) }
}

export type Row = Record<string, unknown>

export interface StoredData {
  tables(): Promise<string[]>
  query(sql: string): Promise<Row[]>
  close(): Promise<void>
}

/** Opens what a gateway stored. SQLite: only while the gateway is stopped or for reading beside it. */
export const openStoredData = async (dataDir: string, databaseUrl: string | undefined): Promise<StoredData> => {
  if (databaseUrl !== undefined) {
    const client = new Client({ connectionString: databaseUrl })
    await client.connect()
    const query = async (sql: string) => (await client.query(sql)).rows as Row[]
    return {
      query,
      tables: async () =>
        (await query(`select table_name as name from information_schema.tables where table_schema = 'public'`)).map(({ name }) =>
          String(name),
        ),
      close: () => client.end(),
    }
  }
  const database = new DatabaseSync(join(dataDir, 'gateway.sqlite'), { readOnly: true })
  const query = async (sql: string) => database.prepare(sql).all() as Row[]
  return {
    query,
    // Of a full-text index the table stands for those it is made of.
    tables: async () =>
      (
        await query(`select name from pragma_table_list where schema = 'main' and type in ('table', 'virtual') and name <> 'sqlite_schema'`)
      ).map(({ name }) => String(name)),
    close: async () => database.close(),
  }
}

/** Table → number of rows that belong to the instance, for every table that has any. Empty when nothing is left. */
export const rowsOf = async (data: StoredData, instanceId: string): Promise<Record<string, number>> => {
  const left: Record<string, number> = {}
  for (const table of await data.tables()) {
    const columns = Object.keys((await data.query(`select * from "${table}" limit 1`))[0] ?? {})
    const column = table === 'instances' ? 'id' : 'instance_id'
    if (!columns.includes(column)) continue
    const count = Number((await data.query(`select count(*) as count from "${table}" where ${column} = '${instanceId}'`))[0]?.count)
    if (count > 0) left[table] = count
  }
  return left
}

const withPostgres = async (url: string, work: (client: Client) => Promise<unknown>): Promise<void> => {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
