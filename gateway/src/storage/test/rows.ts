/** Rows for the storage tests: an account, an instance, and a row in every table that belongs to an instance. */
import { type Insertable, sql, type TableMetadata } from 'kysely'
import type { Database, Writer } from '../database.ts'
import type { AccountsTable, ContactsTable, InstancesTable } from '../schema.ts'

export const account = (id: string): Insertable<AccountsTable> => ({
  id,
  name: `name of ${id}`,
  token_hash: `token of ${id}`,
  instance_quota: null,
  requests_per_minute: 100,
  creates_per_minute: 20,
  allowed_origins: '[]',
  suspended: 0,
  created_at: 1_790_000_000_000,
})

export const instance = (id: string, accountId: string): Insertable<InstancesTable> => ({
  id,
  account_id: accountId,
  name: `name of ${id}`,
  token_hash: `token of ${id}`,
  token: Uint8Array.of(1, 2, 3),
  state: 'disconnected',
  state_reason: null,
  wanted: 0,
  number_jid: null,
  lid: null,
  profile_name: null,
  picture_url: null,
  business_name: null,
  platform: null,
  created_at: 1_790_000_000_000,
  updated_at: 1_790_000_000_000,
})

export const contact = (instanceId: string, jid: string): Insertable<ContactsTable> => ({
  instance_id: instanceId,
  jid,
  push_name: null,
  saved_name: null,
  updated_at: 0,
})

/** An account `home` with one instance of each id. */
export const addInstances = (db: Database, ...ids: string[]): Promise<void> =>
  db.write(async (tx) => {
    await tx.insertInto('accounts').values(account('home')).execute()
    for (const id of ids) await tx.insertInto('instances').values(instance(id, 'home')).execute()
  })

/** What hangs on an instance, read from the database itself, so that a new table is covered on the day it is made. */
export async function tablesOfInstances(db: Database): Promise<TableMetadata[]> {
  const tables = await db.read.introspection.getTables()
  return tables
    .filter((table) => table.columns.some((column) => column.name === 'instance_id'))
    .sort((a, b) => Number(b.name === 'webhooks') - Number(a.name === 'webhooks'))
}

/** Webhooks come first: other tables refer to them. */
export async function fillTables(db: Database, tables: TableMetadata[], instanceId: string): Promise<void> {
  await db.write(async (tx) => {
    for (const table of tables) await insertAnything(tx, table, instanceId)
  })
}

const insertAnything = async (tx: Writer, table: TableMetadata, instanceId: string): Promise<void> => {
  const columns = table.columns.filter((column) => !column.isAutoIncrementing && column.name !== 'seq')
  const names = sql.join(columns.map((column) => sql.ref(column.name)))
  const values = sql.join(columns.map((column) => anyValue(column.name, column.dataType, instanceId)))
  await sql`insert into ${sql.table(table.name)} (${names}) values (${values})`.execute(tx)
}

/** Ids are the instance's own, so that a webhook's deliveries find it. */
const anyValue = (name: string, dataType: string, instanceId: string): string | number | Uint8Array => {
  if (name === 'id' || name.endsWith('_id')) return instanceId
  if (/blob|bytea/i.test(dataType)) return Uint8Array.of(1)
  return /int/i.test(dataType) ? 1 : 'something'
}

export async function countRows(db: Database, table: string, instanceId: string): Promise<number> {
  const { rows } = await sql<{
    count: number
  }>`select count(*) as count from ${sql.table(table)} where instance_id = ${instanceId}`.execute(db.read)
  return rows[0]?.count ?? -1
}
