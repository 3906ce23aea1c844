import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { HandedRequest } from '../../http/operation.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { eventually, INSTANCE, openStage, type Stage, type StageOptions, TOKEN } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('webhook delivery', () => {
    let receiver: Receiver
    let stage: Stage
    const receivers: Receiver[] = []

    const begin = async (
      options: StageOptions = {},
      webhook: { url?: string; label?: string; byEvents?: boolean; events?: string[]; authorization?: string } = {},
    ) => {
      stage = await openStage(await open(), options)
      await configure(webhook)
    }
    const configure = (webhook: { url?: string; label?: string; byEvents?: boolean; events?: string[]; authorization?: string } = {}) =>
      stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url, ...webhook })
    const another = async (port?: number) => {
      const more = await openReceiver(port)
      receivers.push(more)
      return more
    }
    const settled = () => eventually(async () => (await stage.deliveries()).length === 0, 'everything delivered')

    beforeEach(async () => {
      receiver = await another()
    })
    afterEach(async () => {
      await stage.close()
      await Promise.all(receivers.splice(0).map((one) => one.close()))
    })

    test('an event arrives once, in its envelope, with authorization and signature', async () => {
      await begin({}, { url: `${receiver.url}/hook?key=1`, authorization: 'Bearer s3cr3t' })
      const id = await stage.emit('chat', 1)
      const { path, headers, json, text } = await receiver.at(0)
      expect(path).toBe('/hook?key=1')
      expect(headers.authorization).toBe('Bearer s3cr3t')
      expect(headers['content-type']).toBe('application/json')
      expect(json).toEqual({
        id,
        event: 'message.exchange',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        data: { n: 1 },
        instanceData: { baseUrl: 'http://gateway.test', instance: `shop ${INSTANCE}`, token: TOKEN },
      })
      const row = await stage.database.db.read.selectFrom('webhooks').select(['id', 'signing_secret']).executeTakeFirstOrThrow()
      const secret = stage.database.vault.openText(row.signing_secret, { table: 'webhooks', column: 'signing_secret', row: row.id })
      expect(secret).toMatch(/^whsec_/)
      expect(headers['webhook-id']).toBe(id)
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
      const signed = createHmac('sha256', key).update(`${id}.${headers['webhook-timestamp']}.${text}`).digest('base64')
      expect(headers['webhook-signature']).toBe(`v1,${signed}`)
      await settled()
      expect(receiver.requests).toHaveLength(1)
    })

    test('the token stays at home when the operator says so', async () => {
      await begin({ eventToken: false })
      await stage.emit('chat', 1)
      expect((await receiver.at(0)).json.instanceData.token).toBe('')
    })

    test('with byEvents the event ends the path and the query survives; without authorization there is no such header', async () => {
      await begin({}, { url: `${receiver.url}/hook/?key=1`, byEvents: true })
      await stage.emit('chat', 1)
      const { path, headers } = await receiver.at(0)
      expect(path).toBe('/hook/message.exchange?key=1')
      expect(headers.authorization).toBeUndefined()
    })

    test('only the events that were asked for, also after the configuration changed', async () => {
      await begin({}, { events: ['message.status'] })
      await stage.emit('chat', 1)
      await stage.emit('chat', 2, { name: 'message.status' })
      await configure({ events: ['message.exchange'] })
      await stage.emit('chat', 3, { name: 'message.status' })
      await stage.emit('chat', 4)
      const delivered = await receiver.count(2)
      expect(delivered.map(({ json }) => json.data.n)).toEqual([2, 4])
      await settled()
    })

    test('up to three webhooks get each event', async () => {
      await begin()
      const [second, third] = [await another(), await another()]
      await configure({ label: 'b', url: second.url })
      await configure({ label: 'c', url: third.url })
      await stage.emit('chat', 1)
      await Promise.all([receiver, second, third].map((one) => one.at(0)))
      await settled()
    })

    test('what happens while the receiver is down is delivered once it is back, in order', async () => {
      await begin()
      await receiver.close()
      for (let n = 1; n <= 5; n++) await stage.emit('chat', n)
      await eventually(async () => ((await stage.deliveries())[0]?.attempts ?? 0) >= 2, 'two attempts')
      const back = await another(receiver.port)
      expect((await back.count(5)).map(({ json }) => json.data.n)).toEqual([1, 2, 3, 4, 5])
      await settled()
      expect(back.requests).toHaveLength(5)
    })

    test('within a chat an event waits for the one before; other chats do not', async () => {
      await begin()
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      receiver.answer = ({ json }) => (json.data.n === 1 ? held : undefined)
      await stage.emit('chat a', 1)
      await stage.emit('chat a', 2)
      await stage.emit('chat b', 3)
      await stage.emit('chat b', 4)
      // The first of both chats leave together, on connections of their own.
      expect((await receiver.count(3)).map(({ json }) => json.data.n).sort()).toEqual([1, 3, 4])
      release()
      expect((await receiver.count(4)).at(-1)?.json.data.n).toBe(2)
      await settled()
    })

    test('what was read ahead of a lane is not sent once it is purged', async () => {
      await begin()
      const held = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      receiver.answer = ({ json }) => held[json.data.n]?.promise
      await stage.emit('chat', 0)
      await receiver.count(1)
      for (let n = 1; n <= 5; n++) await stage.emit('chat', n)
      held[0]?.resolve()
      // Its successors were read together when it was noted.
      await receiver.count(2)
      const purge = stage.events.operations.find(({ id }) => id === 'events.purgeDeliveries')
      const request = { scope: { instance: { id: INSTANCE } }, query: { state: 'waiting' } } as unknown as HandedRequest
      expect((await purge?.handle(request))?.body).toMatchObject({ purged: 5 })
      held[1]?.resolve()
      await settled()
      await stage.emit('chat', 6)
      expect((await receiver.count(3)).map(({ json }) => json.data.n)).toEqual([0, 1, 6])
    })

    test('one that fails in the middle of what was read ahead is tried again before those behind it', async () => {
      await begin()
      let failed = false
      receiver.answer = ({ json }, response) => {
        if (json.data.n !== 4 || failed) return
        failed = true
        response.statusCode = 500
      }
      for (let n = 1; n <= 12; n++) await stage.emit('chat', n)
      expect((await receiver.count(13)).map(({ json }) => json.data.n)).toEqual([1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      await settled()
    })

    test('the order of a long backlog holds', async () => {
      await begin()
      receiver.answer = (_request, response) => {
        response.statusCode = receiver.requests.length <= 2 ? 500 : 200
      }
      for (let n = 0; n < 60; n++) await stage.emit('chat', n)
      await settled()
      const taken = receiver.requests.slice(2).map(({ json }) => json.data.n)
      expect(taken).toEqual(Array.from({ length: 60 }, (_, n) => n))
    })

    test('a slow receiver holds nobody else up, and gets a bounded number of requests at once', async () => {
      await begin({ concurrency: 4, rules: { perWebhook: 3 } })
      await stage.addInstance('instance-2')
      const quick = await another()
      await stage.events.webhooks.configure('instance-2', { enabled: true, url: quick.url })
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      receiver.answer = () => held
      for (let n = 0; n < 10; n++) await stage.emit(`chat ${n}`, n)
      await receiver.count(3)
      for (let n = 0; n < 20; n++) await stage.emit(`chat ${n}`, n, { instanceId: 'instance-2' })
      await quick.count(20)
      expect(receiver.requests).toHaveLength(3)
      release()
      await settled()
      expect(receiver.mostAtOnce).toBe(3)
    })

    test('a first request is made for everybody, even when all the others are slow', async () => {
      await begin({ concurrency: 2, rules: { perWebhook: 2 } })
      await stage.addInstance('instance-2')
      const quick = await another()
      await stage.events.webhooks.configure('instance-2', { enabled: true, url: quick.url })
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      receiver.answer = () => held
      await stage.emit('a', 1)
      await stage.emit('b', 2)
      await receiver.count(2)
      for (let n = 0; n < 3; n++) await stage.emit('c', n, { instanceId: 'instance-2' })
      await quick.count(3)
      release()
      await settled()
    })

    test('of much at once to many chats nothing is lost, doubled or left behind', async () => {
      await begin({ rules: { probeAfter: 1_000, waits: [0, 1, 1, 1, 1, 1, 1, 1, 1, 1] } })
      const refused = new Set<number>()
      receiver.answer = ({ json }, response) => {
        if (json.data.n % 7 !== 0 || refused.has(json.data.n)) return
        refused.add(json.data.n)
        response.statusCode = 503
      }
      const total = 400
      // Few chats, so that they run empty and fill again all the time.
      for (let n = 0; n < total; n += 8) await Promise.all(Array.from({ length: 8 }, (_, k) => stage.emit(`chat ${k % 5}`, n + k)))
      await settled()
      const taken = receiver.requests.map(({ json }) => json.data.n)
      expect(taken).toHaveLength(total + refused.size)
      expect(new Set(taken).size).toBe(total)
      await eventually(
        async () => (await stage.database.db.read.selectFrom('delivery_lanes').selectAll().execute()).length === 0,
        'no lane is left behind',
      )
    })

    test('Retry-After makes the wait longer', async () => {
      await begin()
      receiver.answer = (_request, response) => {
        if (receiver.requests.length > 1) return
        response.statusCode = 503
        response.setHeader('retry-after', '1')
      }
      await stage.emit('chat', 1)
      const [first, second] = await receiver.count(2)
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(950)
      await settled()
    })

    test('a redirect is a failure and is not followed', async () => {
      await begin()
      const elsewhere = await another()
      receiver.answer = (_request, response) => {
        if (receiver.requests.length > 1) return
        response.statusCode = 302
        response.setHeader('location', elsewhere.url)
      }
      await stage.emit('chat', 1)
      await receiver.count(2)
      await settled()
      expect(elsewhere.requests).toHaveLength(0)
    })

    test('a receiver that never answers is a failure', async () => {
      await begin({ rules: { timeoutMs: 500 } })
      receiver.answer = () => (receiver.requests.length > 1 ? undefined : new Promise<void>(() => {}))
      await stage.emit('chat', 1)
      await receiver.count(2)
      await settled()
    })

    test('410 switches the webhook off; what waited becomes dead letters', async () => {
      await begin()
      receiver.answer = (_request, response) => {
        response.statusCode = 410
      }
      await stage.emit('chat', 1)
      await eventually(async () => !(await stage.events.webhooks.find(INSTANCE, 'default')).enabled, 'the webhook is disabled')
      await stage.emit('chat', 2)
      expect(await stage.deliveries()).toMatchObject([{ state: 'dead', last_status: 410 }])
      expect(await stage.events.webhooks.find(INSTANCE, 'default')).toEqual({
        label: 'default',
        enabled: false,
        url: '',
        authorization: '',
        byEvents: false,
        events: [],
        mediaBase64: false,
      })
      expect(receiver.requests).toHaveLength(1)
    })

    test('after the last attempt a delivery is a dead letter and the next in its chat gets its chance', async () => {
      await begin({ rules: { waits: [0, 10, 10], probeAfter: 100 } })
      receiver.answer = ({ json }, response) => {
        response.statusCode = json.data.n === 1 ? 500 : 200
      }
      await stage.emit('chat', 1)
      await stage.emit('chat', 2)
      expect((await receiver.count(4)).map(({ json }) => json.data.n)).toEqual([1, 1, 1, 2])
      await eventually(async () => (await stage.deliveries()).length === 1, 'one left')
      expect(await stage.deliveries()).toEqual([{ state: 'dead', attempts: 3, last_status: 500, last_error: 'answered 500', lane: 'chat' }])
    })

    test('an endpoint that failed five times in a row is tried with one delivery at a time until it answers, then gets everything', async () => {
      await begin({ rules: { probeAfter: 5, waits: [0, ...Array<number>(50).fill(60_000)] } })
      let open = true
      receiver.answer = async (_request, response) => {
        if (open) response.statusCode = 500
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      for (let n = 0; n < 5; n++) {
        await stage.emit(`chat ${n}`, n)
        await eventually(async () => (await stage.deliveries())[n]?.attempts === 1, 'the attempt is noted')
      }
      receiver.mostAtOnce = 0
      for (let n = 5; n < 15; n++) await stage.emit(`chat ${n}`, n)
      await receiver.count(9)
      expect(receiver.mostAtOnce).toBe(1)
      open = false
      // Without the recovery the failed ones would wait for a minute.
      await settled()
      expect(new Set(receiver.requests.map(({ json }) => json.data.n)).size).toBe(15)
    })

    test('disabling drops what waits; deleting the instance too', async () => {
      await begin()
      await receiver.close()
      await stage.emit('chat', 1)
      await stage.events.webhooks.configure(INSTANCE, { enabled: false })
      await stage.emit('chat', 2)
      expect(await stage.deliveries()).toMatchObject([{ state: 'dead', last_error: 'the webhook was disabled' }])
      await stage.database.db.write((tx) => tx.deleteFrom('instances').where('id', '=', INSTANCE).execute())
      expect(await stage.deliveries()).toEqual([])
      expect(await stage.database.db.read.selectFrom('delivery_lanes').selectAll().execute()).toEqual([])
    })

    test('a restart goes on where the last run stopped, without delivering twice', async () => {
      await begin()
      await receiver.close()
      for (let n = 1; n <= 3; n++) await stage.emit('chat', n)
      const back = await another(receiver.port)
      stage = await stage.restart()
      expect((await back.count(3)).map(({ json }) => json.data.n)).toEqual([1, 2, 3])
      await settled()
      expect(back.requests).toHaveLength(3)
    })

    /** As a process that was killed in the middle of a request leaves it. */
    const killedInMidst = async (attempts: number, leaseMs: number) => {
      await begin()
      await stage.events.stop()
      await stage.emit('chat', 1)
      await stage.database.db.write(async (tx) => {
        await tx
          .updateTable('delivery_lanes')
          .set({ next_attempt_at: Date.now() + leaseMs })
          .execute()
        await tx.updateTable('deliveries').set({ attempts }).execute()
      })
    }

    test('a lane whose worker was killed at its first attempt is taken up at once', async () => {
      await killedInMidst(0, 60_000)
      stage = await stage.restart()
      await receiver.at(0)
      await settled()
    })

    test('one that may be waiting for its next attempt is taken up when that time, or the lease, has come', async () => {
      await killedInMidst(1, 150)
      const before = Date.now()
      stage = await stage.restart()
      expect((await receiver.at(0)).at - before).toBeGreaterThanOrEqual(100)
      await settled()
    })

    test('a delivery that is cut off at shutdown is made by the next run', async () => {
      await begin()
      receiver.answer = () => (receiver.requests.length > 1 ? undefined : new Promise<void>(() => {}))
      await stage.emit('chat', 1)
      await receiver.at(0)
      stage = await stage.restart()
      await receiver.at(1)
      await settled()
    })
  })
})
