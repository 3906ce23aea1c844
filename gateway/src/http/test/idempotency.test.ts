/** What the store and the flow promise where no client could look: expiry, answers that could not be kept, attempts that broke off. */
import { expect, test } from 'vitest'
import { forEachDatabase, type TestDatabase } from '../../../testing/databases.ts'
import { createLogger } from '../../runtime/logging.ts'
import { addInstances } from '../../storage/test/rows.ts'
import { ApiError } from '../errors.ts'
import { createIdempotency, type IdempotencyStore } from '../idempotency.ts'
import { createIdempotencyTable } from '../idempotency-table.ts'
import type { Answer, Operation, Scope } from '../operation.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const ok: Answer = { status: 200, body: { success: true, secret: 'of the answer' } }

forEachDatabase((_name, open) => {
  const begin = async (change: (store: IdempotencyStore, database: TestDatabase) => Partial<IdempotencyStore> = () => ({})) => {
    const database = await open()
    await addInstances(database.db, 'phone')
    const time = { now: 1_700_000_000_000 }
    const table = createIdempotencyTable({ ...database, clock: { now: () => time.now } })
    const store = { ...table, ...change(table, database) }
    const idempotency = createIdempotency({ store, logger: createLogger('silent') })
    const seeds: string[] = []
    const scope = { account: { id: 'home' }, instance: { id: 'phone' }, by: 'instance' } as unknown as Scope
    const attempt = (answer: () => Promise<Answer> = async () => ok, once: Operation['once'] = 'resumed') =>
      idempotency.once({ operation: { ...(once && { once }) }, key: 'key', scope, path: '/a', body: { a: 1 } }, (seed) => {
        seeds.push(seed)
        return answer()
      })
    const rows = () => database.db.read.selectFrom('idempotency_keys').selectAll().execute()
    return { database, time, table, attempt, seeds, rows }
  }

  test('after a day the key is free, and its row goes', async () => {
    const { time, table, attempt, seeds, rows } = await begin()
    await attempt()
    time.now += DAY_MS - 1
    expect(await attempt()).toMatchObject({ ...ok, headers: { 'idempotent-replayed': 'true' } })
    await table.purge()
    expect(await rows()).toHaveLength(1)
    time.now += 1
    expect((await attempt()).headers).toBeUndefined()
    expect(new Set(seeds).size).toBe(2)
    time.now += DAY_MS
    await table.purge()
    expect(await rows()).toEqual([])
  })

  test('the answer is sealed, and goes with the instance', async () => {
    const { database, attempt, rows } = await begin()
    await attempt()
    const [row] = await rows()
    expect(Buffer.from(row?.answer ?? []).toString()).not.toContain('of the answer')
    expect(JSON.stringify(row)).not.toContain('"key"')
    await database.db.write((tx) => tx.deleteFrom('instances').where('id', '=', 'phone').execute())
    expect(await rows()).toEqual([])
  })

  test('an answer that could not be kept is given all the same, and the next attempt has the same seed', async () => {
    const { attempt, seeds } = await begin(() => ({ keep: () => Promise.reject(new Error('disk full')) }))
    expect(await attempt()).toEqual(ok)
    await attempt()
    expect(seeds[1]).toBe(seeds[0])
    expect(seeds[0]).toMatch(/^[0-9A-F]{16}$/)
  })

  test('a 4xx leaves nothing', async () => {
    const { attempt, seeds, rows } = await begin()
    await expect(attempt(() => Promise.reject(new ApiError(400, 'no')))).rejects.toMatchObject({ status: 400 })
    expect(await rows()).toEqual([])
    await attempt()
    expect(seeds[1]).not.toBe(seeds[0])
  })

  test('a 5xx leaves the seed, for good: what was begun may have happened, whatever becomes of trying again', async () => {
    const { attempt, seeds } = await begin()
    const failing = (status: number) => attempt(() => Promise.reject(new ApiError(status, 'no')))
    await expect(failing(500)).rejects.toMatchObject({ status: 500 })
    await expect(failing(400)).rejects.toMatchObject({ status: 400 })
    expect(await attempt()).toEqual(ok)
    expect(new Set(seeds).size).toBe(1)
  })

  test('what cannot be taken up is not made twice', async () => {
    const { attempt, seeds } = await begin()
    await expect(attempt(() => Promise.reject(new Error('broke off')), 'unrepeatable')).rejects.toThrow('broke off')
    await expect(attempt(undefined, 'unrepeatable')).rejects.toMatchObject({ status: 409, message: /is not known/ })
    expect(seeds).toHaveLength(1)
  })
})
