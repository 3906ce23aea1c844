import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { accountRow } from '../../../testing/rows.ts'
import { createLogger } from '../../runtime/logging.ts'
import { openDatabase } from '../open.ts'
import { migrationsFor } from './index.ts'

forEachDatabase((_name, open) => {
  const logger = createLogger('silent')

  it('migrating twice changes nothing', async () => {
    const { db, place } = await open()
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
    const { db, place } = await open()
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
