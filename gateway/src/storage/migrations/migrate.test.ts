import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { expect, it, onTestFinished } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { accountRow, instanceRow } from '../../../testing/rows.ts'
import { createLogger } from '../../runtime/logging.ts'
import { openDatabase } from '../open.ts'
import { connectSqlite } from '../sqlite/connection.ts'
import { ownerOf } from '../sqlite/dialect.ts'
import { migrationsFor } from './index.ts'
import { migrate } from './migrate.ts'

forEachDatabase((_name, open) => {
  const logger = createLogger('silent')

  it('migrating twice changes nothing', async () => {
    const { db, place } = await open({ own: true })
    await db.write((tx) => tx.insertInto('accounts').values(accountRow('kept')).execute())
    const before = await db.read.introspection.getTables()
    await db.close()
    const again = await openDatabase({ ...place, logger })
    try {
      expect(await again.read.introspection.getTables()).toEqual(before)
      expect(await again.read.selectFrom('accounts').selectAll().execute()).toEqual([accountRow('kept')])
    } finally {
      await again.close()
    }
  })

  it('a database of a newer version is refused in one line', async () => {
    const { db, place } = await open({ own: true })
    await db.write((tx) =>
      sql`insert into kysely_migration (name, timestamp) values ('9999-future', '2030-01-01T00:00:00.000Z')`.execute(tx),
    )
    await db.close()
    await expect(openDatabase({ ...place, logger })).rejects.toThrow(/^The database was made by a newer version of the gateway[^\n]*$/)
  })
})

it('both databases know the same migrations', () => {
  expect(Object.keys(migrationsFor('sqlite'))).toEqual(Object.keys(migrationsFor('postgres')))
})

it('messages of an older version are all there, with their numbers, under their new key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-test-'))
  const connection = connectSqlite(join(folder, 'db'), { readOnly: false, pragmas: ['foreign_keys = on'] })
  onTestFinished(async () => {
    connection.close()
    await rm(folder, { recursive: true })
  })
  const db = ownerOf(connection)
  await new Migrator({ db, provider: { getMigrations: async () => migrationsFor('sqlite') } }).migrateTo('0010-announcement-groups')
  await db.insertInto('accounts').values(accountRow('a')).execute()
  await db.insertInto('instances').values(instanceRow('i', 'a')).execute()
  const message = (message_id: string) => ({
    instance_id: 'i',
    message_id,
    chat: '34600000001@s.whatsapp.net',
    sender: '34600000002@s.whatsapp.net',
    from_me: 0 as const,
    type: 'text',
    content: `text of ${message_id}`,
    source: '',
    status: 'delivered' as const,
    push_name: null,
    refers_to: null,
    edited_content: null,
    revoked: 0 as const,
    media_type: null,
    wire: Uint8Array.of(1, 2, 3),
    sent_at: 1,
    stored_at: 2,
  })
  await db.insertInto('messages').values(['C', 'A', 'B'].map(message)).execute()
  await db.deleteFrom('messages').where('message_id', '=', 'B').execute()
  const before = await db.selectFrom('messages').selectAll().execute()
  await migrate(db, 'sqlite')
  expect(await db.selectFrom('messages').selectAll().orderBy('seq').execute()).toEqual(before.map((row) => ({ ...row, starred: 0 })))
  await expect(db.insertInto('messages').values(message('A')).execute()).rejects.toThrow('UNIQUE')
  // A number that was taken once is not given again.
  await db.insertInto('messages').values(message('D')).execute()
  expect((await db.selectFrom('messages').select('seq').where('message_id', '=', 'D').executeTakeFirstOrThrow()).seq).toBe(4)
})
