/** The event log as it is read over HTTP. */
import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { ulidFloor } from '../../runtime/ids.ts'
import { eventually, INSTANCE, openStage, type Stage, TOKEN } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('the event log', () => {
    let stage: Stage
    afterEach(() => stage.close())
    const begin = async () => {
      stage = await openStage(await open())
    }
    const read = async (query: Record<string, string> = {}) => (await stage.call('events.log', { query })).body
    const numbers = (body: { events: { data: { n: number } }[] }) => body.events.map(({ data }) => data.n)

    test('is read page by page, oldest first, in the envelope of webhooks, and no other instance is in it', async () => {
      await begin()
      await stage.addInstance('instance-2')
      const ids: string[] = []
      for (let n = 0; n < 5; n++) {
        ids.push(await stage.emit('chat', n))
        await stage.emit('chat', 100 + n, { instanceId: 'instance-2' })
      }
      const first = await read({ limit: '3' })
      expect(first).toMatchObject({ success: true, message: '3 events found', cursor: ids[2], complete: true })
      expect(first.events[0]).toEqual({
        id: ids[0],
        event: 'message.exchange',
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
        data: { n: 0 },
        instanceData: { baseUrl: 'http://gateway.test', instance: `shop ${INSTANCE}`, token: TOKEN },
      })
      const second = await read({ limit: '3', after: first.cursor })
      expect(numbers(first).concat(numbers(second))).toEqual([0, 1, 2, 3, 4])
      expect(await read({ after: second.cursor })).toEqual({
        success: true,
        message: '0 events found',
        events: [],
        cursor: ids[4],
        complete: true,
      })
      expect(numbers(await read({ after: '0' }))).toEqual([0, 1, 2, 3, 4])
    })

    test('gives what happens from now on to those who ask for the latest', async () => {
      await begin()
      expect(await read()).toMatchObject({ events: [], cursor: null, complete: true })
      await stage.emit('chat', 1)
      const { events, cursor, complete } = await read({ after: 'latest' })
      expect({ events, complete }).toEqual({ events: [], complete: true })
      await stage.emit('chat', 2)
      expect(numbers(await read({ after: cursor }))).toEqual([2])
    })

    test('keeps those who wait until something happens, and answers them at once then', async () => {
      await begin()
      const { cursor } = await read({ after: 'latest' })
      const waiting = [read({ after: cursor, wait: '50' }), read({ after: cursor, wait: '50' })]
      await stage.addInstance('instance-2')
      await stage.emit('chat', 1, { instanceId: 'instance-2' })
      await stage.emit('chat', 2)
      for (const answer of await Promise.all(waiting)) expect(numbers(answer)).toEqual([2])
      // One who comes late does not wait.
      expect(numbers(await read({ after: cursor, wait: '50' }))).toEqual([2])
    })

    test('lets those who wait go when the time is over, when they leave, and when the gateway stops', async () => {
      await begin()
      expect(await read({ wait: '1' })).toMatchObject({ events: [], cursor: null })
      const client = new AbortController()
      const left = stage.call('events.log', { query: { wait: '50' }, signal: client.signal })
      client.abort()
      expect((await left).body.events).toEqual([])
      const stopped = read({ wait: '50' })
      await stage.events.stop()
      expect((await stopped).events).toEqual([])
    })

    test.each([
      [{ after: 'yesterday' }, 'Invalid event id'],
      [{ limit: '0' }, 'Invalid query: limit must be at least 1'],
      [{ limit: '501' }, 'Invalid query: limit must be at most 500'],
      [{ wait: '51' }, 'Invalid query: wait must be at most 50'],
    ])('refuses %j', async (query, error) => {
      await begin()
      expect(await stage.call('events.log', { query })).toEqual({ status: 400, body: { error } })
    })

    test('leaves to the next page what gets its id while this one is read: an earlier id may become durable after it', async () => {
      await begin()
      const { cursor } = await read({ after: 'latest' })
      // As if it was made and committed between the question and the database's look.
      const values = { instance_id: INSTANCE, name: 'message.exchange', lane: 'chat', data: '{"n":2}', created_at: 0 }
      await stage.database.db.write((tx) =>
        tx
          .insertInto('events')
          .values({ ...values, id: ulidFloor(Date.now() + 60_000) })
          .execute(),
      )
      await stage.emit('chat', 1)
      expect(numbers(await read({ after: cursor }))).toEqual([1])
    })

    test('read on while many write at once misses nothing and gives nothing twice', async () => {
      await begin()
      const total = 200
      const writing = Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          for (let n = writer; n < total; n += 8) await stage.emit(`chat ${n % 5}`, n)
        }),
      )
      const seen: number[] = []
      let cursor = '0'
      await eventually(async () => {
        const page = await read({ after: cursor, wait: '1', limit: '7' })
        seen.push(...numbers(page))
        cursor = page.cursor ?? '0'
        return seen.length >= total
      }, 'everything read')
      await writing
      expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => n))
    })
  })
})
