import { expect, it } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'

forEachDatabase((_name, open) => {
  it('opens', async () => {
    const { db } = await open()
    await db.check()
    expect(await db.read.selectFrom('accounts').selectAll().execute()).toEqual([])
  })
  it('opens again', async () => {
    const { db } = await open()
    await db.check()
  })
})
