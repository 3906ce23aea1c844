/** Rows for the storage tests: a row in every table that belongs to an instance. */
import { type Insertable, sql, type TableMetadata } from 'kysely'
import { accountRow, instanceRow } from '../../../testing/rows.ts'
import type { Database, Writer } from '../database.ts'
import type { ContactsTable } from '../schema.ts'

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
    await tx.insertInto('accounts').values(accountRow('home')).execute()
    for (const id of ids) await tx.insertInto('instances').values(instanceRow(id, 'home')).execute()
  })

/** What hangs on an instance, read from the database itself, so that a new table is covered on the day it is made. */
export async function tablesOfInstances(db: Database): Promise<TableMetadata[]> {
  const tables = await db.read.introspection.getTables()
  return tables
    .filter((table) => table.columns.some((column) => column.name === 'instance_id'))
    .sort((a, b) => Number(referred.has(b.name)) - Number(referred.has(a.name)))
}

const referred: ReadonlySet<string> = new Set(['webhooks', 'messages'])

/** Webhooks and messages come first: other tables refer to them. */
export async function fillTables(db: Database, tables: TableMetadata[], instanceId: string): Promise<void> {
  await db.write(async (tx) => {
    for (const table of tables) await insertAnything(tx, table, instanceId)
  })
}

const insertAnything = async (tx: Writer, table: TableMetadata, instanceId: string): Promise<void> => {
  const columns = table.columns.filter((column) => !column.isAutoIncrementing && (column.name !== 'seq' || table.name === 'message_words'))
  const names = sql.join(columns.map((column) => sql.ref(column.name)))
  const values = sql.join(
    columns.map(({ name, dataType }) =>
      name === 'seq' ? sql`(select max(seq) from messages where instance_id = ${instanceId})` : anyValue(name, dataType, instanceId),
    ),
  )
  await sql`insert into ${sql.table(table.name)} (${names}) values (${values})`.execute(tx)
}

/** Ids are the instance's own, so that a webhook's deliveries find it. */
const anyValue = (name: string, dataType: string, instanceId: string): string | number | Uint8Array => {
  if (name === 'account_id') return 'home'
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
