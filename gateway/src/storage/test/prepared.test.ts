import { expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { accountRow as account } from '../../../testing/rows.ts'
import { prepared } from '../prepared.ts'

/** How often a statement was written, beside what it does. */
const statements = () => {
  const built: number[] = []
  const insert = prepared((db, { quota }: { quota: number }, ids: string[]) => {
    built.push(ids.length)
    return db
      .insertInto('accounts')
      .values(ids.map((id) => ({ ...account('any'), id, name: id, token_hash: id, instance_quota: quota })))
      .returning('id')
  })
  const suspend = prepared((db, { quota }: { quota: number }, ids: string[]) =>
    db.updateTable('accounts').set({ suspended: 1 }).where('instance_quota', '=', quota).where('id', 'in', ids),
  )
  return { insert, suspend, built }
}

const ids = (count: number, prefix = 'id') => Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(4, '0')}`)

forEachDatabase((_name, open) => {
  it('a list of any length runs in portions, and gives the rows of all of them', async () => {
    const { db } = await open()
    const { insert } = statements()
    const wanted = ids(201)
    const rows = await db.write((tx) => insert(tx, { quota: 7 }, wanted))
    expect(rows.map((row) => row.id).sort()).toEqual(wanted)
    const stored = await db.read.selectFrom('accounts').select(['id', 'instance_quota']).orderBy('id').execute()
    expect(stored).toEqual(wanted.map((id) => ({ id, instance_quota: 7 })))
  })

  it('is written once per size of portion and used with other values', async () => {
    const { db } = await open()
    const { insert, suspend, built } = statements()
    for (const [round, quota] of [1, 2, 3].entries()) await db.write((tx) => insert(tx, { quota }, ids(3, `round${round}`)))
    expect(built).toEqual([2, 1])
    await db.write((tx) => suspend(tx, { quota: 2 }, [...ids(3, 'round0'), ...ids(2, 'round1')]))
    const suspended = await db.read.selectFrom('accounts').select('id').where('suspended', '=', 1).orderBy('id').execute()
    expect(suspended.map((row) => row.id)).toEqual(ids(2, 'round1'))
  })

  it('nothing to do is no statement', async () => {
    const { db } = await open()
    const { insert, built } = statements()
    expect(await db.write((tx) => insert(tx, { quota: 1 }, []))).toEqual([])
    expect(built).toEqual([])
  })
})
