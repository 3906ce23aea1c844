/** What is done for every message must not read through all that an instance has. */
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'

forEachDatabase(
  (_name, open) => {
    it.each(['number', 'lid'])('people are looked up by %s, however many at once', async (column) => {
      const { db } = await open()
      for (const count of [1, 2, 1_000]) {
        const values = Array.from({ length: count }, (_, n) => String(n))
        const { rows } = await sql<{ detail: string }>`
          explain query plan select number, lid from identities where instance_id = 'x' and ${sql.ref(column)} in (${sql.join(values)})
        `.execute(db.read)
        expect(rows.map(({ detail }) => detail).join()).toContain(`(instance_id=? AND ${column}=?)`)
      }
    })
  },
  ['SQLite'],
)
