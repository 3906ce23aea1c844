/** Looking after deliveries: lists, redelivery, purging, test events. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createPurge } from '../webhooks/purge.ts'
import { createRedelivery } from '../webhooks/redelivery.ts'
import { createWebhookRepository } from '../webhooks/repository.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { eventually, INSTANCE, openStage, type Stage, type StageOptions } from './stage.ts'

interface Listed {
  eventId: string
  label: string
  state: string
  error: string | null
  nextAttemptAt: string | null
  attempts: { at: string; status: number | null; durationMs: number; error: string | null; answer: string }[]
}

forEachDatabase((_name, open) => {
  describe('deliveries', () => {
    let stage: Stage
    let receiver: Receiver
    beforeEach(async () => {
      receiver = await openReceiver()
    })
    afterEach(async () => {
      await stage.close()
      await receiver.close()
    })

    const oneAttempt: StageOptions = { rules: { waits: [0], probeAfter: 1_000 } }
    const begin = async (options: StageOptions = {}) => {
      stage = await openStage(await open(), options)
      await configure('default')
    }
    const configure = (label: string, url = `${receiver.url}/${label}`) =>
      stage.events.webhooks.configure(INSTANCE, { label, enabled: true, url })
    const refuse = (status = 500, text = '') => {
      receiver.answer = (_request, response) => {
        response.statusCode = status
        response.end(text)
      }
    }
    const accept = () => {
      receiver.answer = () => {}
    }
    const list = async (query: Record<string, string> = {}): Promise<Listed[]> =>
      (await stage.call('events.deliveries', { query })).body.deliveries
    const states = async (query: Record<string, string> = {}) => (await list(query)).map(({ state }) => state)
    const settled = (state: string, count: number) => eventually(async () => (await list({ state })).length === count, `${count} ${state}`)
    const numbers = () => receiver.requests.map(({ json }) => json.data.n)

    test('are listed with every attempt, its status, duration, time and the beginning of the answer', async () => {
      await begin({ rules: { waits: [0, 1, 60_000] } })
      const began = Date.now()
      refuse(503, `down for\0 maintenance${'.'.repeat(2_000)}`)
      const id = await stage.emit('chat', 1)
      await eventually(async () => (await stage.deliveries())[0]?.attempts === 2, 'two attempts')
      const attempt = {
        at: expect.any(String),
        status: 503,
        durationMs: expect.any(Number),
        error: 'answered 503',
        answer: expect.any(String),
      }
      const [waiting] = await list()
      expect(waiting).toEqual({
        eventId: id,
        event: 'message.exchange',
        label: 'default',
        state: 'waiting',
        createdAt: expect.any(String),
        nextAttemptAt: expect.any(String),
        error: 'answered 503',
        attempts: [attempt, attempt],
      })
      expect(waiting?.attempts[0]?.answer).toMatch(/^down for\ufffd maintenance\.+$/)
      expect(waiting?.attempts[0]?.answer).toHaveLength(500)
      expect(Date.parse(waiting?.attempts[0]?.at ?? '')).toBeGreaterThanOrEqual(began)
      expect(Date.parse(waiting?.nextAttemptAt ?? '')).toBeGreaterThan(Date.now())
      accept()
      await stage.call('events.redeliver', { body: { eventId: id } })
      await settled('delivered', 1)
      expect(await list()).toEqual([
        {
          ...waiting,
          state: 'delivered',
          nextAttemptAt: null,
          error: null,
          attempts: [attempt, attempt, { ...attempt, status: 200, error: null, answer: '' }],
        },
      ])
    })

    test('are found by webhook and by state, a page at a time, newest first', async () => {
      await begin(oneAttempt)
      await configure('other')
      receiver.answer = ({ json, path }, response) => {
        if (path === '/other' && json.data.n % 2 === 1) response.statusCode = 500
      }
      const ids: string[] = []
      for (let n = 0; n < 8; n++) ids.push(await stage.emit(`chat ${n}`, n))
      await settled('delivered', 12)
      await settled('dead', 4)
      expect((await list({ label: 'other', state: 'dead' })).map(({ eventId }) => eventId)).toEqual([ids[7], ids[5], ids[3], ids[1]])
      expect((await list({ label: 'default' })).map(({ eventId }) => eventId)).toEqual([...ids].reverse())
      expect(await list({ state: 'waiting' })).toEqual([])
      const seen: Listed[] = []
      let after: string | undefined
      let pages = 0
      do {
        const { body } = await stage.call('events.deliveries', { query: { limit: '5', ...(after !== undefined && { after }) } })
        expect(body.deliveries.length).toBeLessThanOrEqual(5)
        seen.push(...body.deliveries)
        after = body.nextCursor ?? undefined
        pages++
      } while (after !== undefined)
      expect(pages).toBe(4)
      expect(seen.map(({ eventId, label }) => `${eventId} ${label}`).sort()).toEqual(
        ids.flatMap((id) => [`${id} default`, `${id} other`]).sort(),
      )
      expect(seen.map(({ eventId }) => eventId)).toEqual([...ids].reverse().flatMap((id) => [id, id]))
      expect(await stage.call('events.deliveries', { query: { label: 'nobody' } })).toEqual({
        status: 404,
        body: { error: 'Webhook not found' },
      })
      expect(await stage.call('events.deliveries', { query: { after: 'x' } })).toEqual({ status: 400, body: { error: 'Invalid cursor' } })
      expect(await stage.call('events.deliveries', { query: { state: 'lost' } })).toMatchObject({ status: 400 })
    })

    test('that were given up are all delivered again, in order, and before what is newer in their chat', async () => {
      await begin(oneAttempt)
      refuse()
      for (let n = 0; n < 4; n++) await stage.emit(n < 3 ? 'chat' : 'other', n)
      await settled('dead', 4)
      accept()
      receiver.requests.length = 0
      expect(await stage.call('events.redeliver', { body: { state: 'dead' } })).toEqual({
        status: 200,
        body: { success: true, message: '4 deliveries queued', redelivered: 4, nextCursor: null },
      })
      await settled('delivered', 4)
      expect(numbers().filter((n) => n < 3)).toEqual([0, 1, 2])
      expect(await stage.call('events.redeliver', { body: { state: 'dead' } })).toMatchObject({ body: { redelivered: 0 } })
    })

    test('are redelivered one by one with the same id, whatever became of them, on the webhook that was named', async () => {
      await begin()
      await configure('other')
      const id = await stage.emit('chat', 1)
      await settled('delivered', 2)
      expect(await stage.call('events.redeliver', { body: { eventId: id, label: 'other' } })).toMatchObject({ body: { redelivered: 1 } })
      const again = await receiver.at(2)
      expect(again.path).toBe('/other')
      expect(again.json).toEqual(receiver.requests.find(({ path }) => path === '/other')?.json)
      await settled('delivered', 2)
      const notFound = { status: 404, body: { error: 'Delivery not found' } }
      expect(await stage.call('events.redeliver', { body: { eventId: '0'.repeat(26) } })).toEqual(notFound)
      expect(await stage.call('events.redeliver', { body: {} })).toEqual({
        status: 400,
        body: { error: 'Provide eventId, from, to or state' },
      })
      expect(await stage.call('events.redeliver', { body: { eventId: '../x' } })).toEqual({
        status: 400,
        body: { error: 'Invalid eventId' },
      })
      expect(await stage.call('events.redeliver', { body: { eventId: id, label: 'nobody' } })).toMatchObject({ status: 404 })
      await stage.events.webhooks.configure(INSTANCE, { label: 'other', enabled: false })
      expect(await stage.call('events.redeliver', { body: { eventId: id, label: 'other' } })).toEqual({
        status: 400,
        body: { error: 'Webhook is disabled' },
      })
    })

    test('of a time are redelivered, delivered ones and dead ones, and no others', async () => {
      await begin(oneAttempt)
      await stage.emit('chat', 0)
      await settled('delivered', 1)
      // Ids and times have the same milliseconds.
      const tick = () => new Promise((resolve) => setTimeout(resolve, 3))
      await tick()
      const from = new Date().toISOString()
      await stage.emit('chat', 1)
      await settled('delivered', 2)
      refuse()
      await stage.emit('chat', 2)
      await settled('dead', 1)
      await tick()
      const to = new Date().toISOString()
      await stage.emit('chat', 3)
      await settled('dead', 2)
      accept()
      receiver.requests.length = 0
      expect(await stage.call('events.redeliver', { body: { from, to } })).toMatchObject({ body: { redelivered: 2 } })
      await settled('delivered', 3)
      expect(numbers()).toEqual([1, 2])
      expect(await stage.call('events.redeliver', { body: { from, to, state: 'dead' } })).toMatchObject({ body: { redelivered: 0 } })
      expect(await stage.call('events.redeliver', { body: { from: 'yesterday' } })).toMatchObject({ status: 400 })
    })

    test('keep the attempts of every round, the newest twenty', async () => {
      await begin({ rules: { waits: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1], probeAfter: 1_000 } })
      refuse()
      const id = await stage.emit('chat', 1)
      for (let round = 1; round <= 3; round++) {
        await settled('dead', 1)
        expect((await list())[0]?.attempts).toHaveLength(Math.min(10 * round, 20))
        if (round < 3) await stage.call('events.redeliver', { body: { eventId: id } })
      }
      expect(receiver.requests).toHaveLength(30)
      accept()
      await stage.call('events.redeliver', { body: { eventId: id } })
      await settled('delivered', 1)
      await stage.call('events.redeliver', { body: { eventId: id } })
      await receiver.count(32)
      await settled('delivered', 1)
      expect((await list())[0]?.attempts).toHaveLength(21)
    })

    test('are thrown away by state: dead letters, history, and what waits', async () => {
      await begin(oneAttempt)
      await stage.emit('chat', 1)
      await settled('delivered', 1)
      refuse()
      await stage.emit('chat', 2)
      await settled('dead', 1)
      expect(await stage.call('events.purgeDeliveries')).toEqual({
        status: 200,
        body: { success: true, message: '1 delivery purged', purged: 1, more: false },
      })
      expect(await states()).toEqual(['delivered'])
      expect(
        await stage.call('events.purgeDeliveries', { query: { state: 'delivered', before: new Date(0).toISOString() } }),
      ).toMatchObject({
        body: { purged: 0 },
      })
      expect(await stage.call('events.purgeDeliveries', { query: { state: 'delivered' } })).toMatchObject({ body: { purged: 1 } })
      expect(await list()).toEqual([])
      expect(await stage.database.db.read.selectFrom('failed_attempts').selectAll().execute()).toEqual([])
      expect(await stage.call('events.purgeDeliveries', { query: { label: 'nobody' } })).toMatchObject({ status: 404 })
    })

    test('that wait can be thrown away while one of them is under way', async () => {
      await begin()
      const { promise: released, resolve: release } = Promise.withResolvers<void>()
      receiver.answer = () => released
      for (let n = 1; n <= 3; n++) await stage.emit('chat', n)
      await receiver.at(0)
      expect(await stage.call('events.purgeDeliveries', { query: { state: 'waiting' } })).toMatchObject({ body: { purged: 3 } })
      release()
      await stage.emit('chat', 4)
      await settled('delivered', 1)
      expect(numbers()).toEqual([1, 4])
    })

    test('are redelivered and purged a bounded number per call, and a next call goes on', async () => {
      await begin(oneAttempt)
      await configure('other')
      for (let n = 0; n < 5; n++) await stage.emit(`chat ${n}`, n)
      await settled('delivered', 10)
      const { db, vault } = stage.database
      const repository = createWebhookRepository({ vault, clock: systemClock })
      const woken: string[] = []
      await stage.events.stop()
      const redelivery = createRedelivery({
        db,
        clock: systemClock,
        repository,
        wake: (webhooks) => woken.push(...webhooks.keys()),
        mostPerCall: 4,
      })
      const first = await redelivery.redeliver(INSTANCE, { state: null, from: 0 })
      expect(first.count).toBe(4)
      const second = await redelivery.redeliver(INSTANCE, { state: null, from: 0, after: first.next ?? undefined })
      expect(second.count).toBe(4)
      const third = await redelivery.redeliver(INSTANCE, { state: null, from: 0, after: second.next ?? undefined })
      expect(third).toEqual({ count: 2, next: null })
      expect(new Set(woken).size).toBe(2)
      expect(await states({ state: 'waiting' })).toHaveLength(10)
      const purge = createPurge({ db, repository, mostPerCall: 6 })
      expect(await purge(INSTANCE, { state: 'waiting' })).toEqual({ count: 6, more: true })
      expect(await purge(INSTANCE, { state: 'waiting' })).toEqual({ count: 4, more: false })
    })

    test('a test event is really posted, signed, and answers with what the receiver said', async () => {
      await begin()
      await stage.events.webhooks.configure(INSTANCE, {
        enabled: true,
        url: `${receiver.url}/hook?key=1`,
        byEvents: true,
        authorization: 'Bearer x',
      })
      receiver.answer = (_request, response) => void response.writeHead(202).end('thank you')
      const { status, body } = await stage.call('events.testWebhook')
      expect({ status, body }).toEqual({
        status: 200,
        body: {
          success: true,
          message: 'Test event delivered',
          test: {
            label: 'default',
            eventId: expect.any(String),
            delivered: true,
            status: 202,
            durationMs: expect.any(Number),
            error: null,
            answer: 'thank you',
          },
        },
      })
      const { path, headers, json } = await receiver.at(0)
      expect(path).toBe('/hook/webhook.test?key=1')
      expect(headers).toMatchObject({
        authorization: 'Bearer x',
        'webhook-id': body.test.eventId,
        'webhook-signature': expect.stringMatching(/^v1,/),
      })
      expect(json).toMatchObject({
        id: body.test.eventId,
        event: 'webhook.test',
        data: { label: 'default' },
        instanceData: { instance: `shop ${INSTANCE}` },
      })
      refuse(410, 'gone')
      expect((await stage.call('events.testWebhook')).body).toMatchObject({
        message: 'Test event was not taken',
        test: { delivered: false, status: 410, error: 'answered 410', answer: 'gone' },
      })
      await configure('default', 'http://127.0.0.1:1/')
      expect((await stage.call('events.testWebhook')).body.test).toMatchObject({
        delivered: false,
        status: null,
        error: 'connection refused',
      })
      expect(await stage.events.webhooks.find(INSTANCE, 'default')).toMatchObject({ enabled: true })
      expect(await list()).toEqual([])
      await stage.events.webhooks.configure(INSTANCE, { enabled: false })
      expect(await stage.call('events.testWebhook')).toEqual({ status: 400, body: { error: 'Webhook is disabled' } })
      expect(await stage.call('events.testWebhook', { body: { label: 'nobody' } })).toEqual({
        status: 404,
        body: { error: 'Webhook not found' },
      })
    })
  })
})
