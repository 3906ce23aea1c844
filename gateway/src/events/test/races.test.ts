/** What happens at the same moment: two workers, a configuration and an attempt, a lease and an upload. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { type Delivered, openReceiver, type Receiver } from './receiver.ts'
import { eventually, INSTANCE, openStage, type Stage, type StageOptions } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('at the same moment', () => {
    let stage: Stage
    let receiver: Receiver
    beforeEach(async () => {
      receiver = await openReceiver()
    })
    afterEach(async () => {
      await stage.close()
      await receiver.close()
    })
    const begin = async (options: StageOptions = {}) => {
      stage = await openStage(await open(), options)
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: `${receiver.url}/a` })
    }
    const settled = () => eventually(async () => (await stage.deliveries()).length === 0, 'everything delivered')
    const numbers = () => receiver.requests.map(({ json }) => json.data.n)
    const held = () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      return { until: promise, release: resolve }
    }
    const failuresOf = async () =>
      (await stage.database.db.read.selectFrom('webhooks').select('failures').executeTakeFirstOrThrow()).failures

    test('a receiver comes back while others of its requests are under way: those are not made a second time', async () => {
      await begin({ rules: { waits: [0, 60_000], probeAfter: 2 } })
      const slow = held()
      const first = held()
      receiver.answer = async ({ json }, response) => {
        if (json.data.n === 1) await slow.until
        if (json.data.n === 2) await first.until
        if (json.data.n > 2) response.statusCode = receiver.requests.length <= 4 ? 500 : 200
      }
      for (let n = 1; n <= 4; n++) await stage.emit(`chat ${n}`, n)
      await receiver.count(4)
      await eventually(async () => (await failuresOf()) === 2, 'the circuit is open')
      first.release()
      // 3 and 4 would have to wait for a minute.
      await receiver.count(6)
      await stage.emit('chat 1', 5)
      await stage.emit('chat 6', 6)
      await eventually(async () => numbers().includes(6), 'another chat goes on')
      expect(numbers().filter((n) => n === 1)).toHaveLength(1)
      slow.release()
      await settled()
      expect(numbers().filter((n) => n === 1)).toHaveLength(1)
      expect(numbers().indexOf(5)).toBeGreaterThan(numbers().indexOf(1))
    })

    test('a request lasts longer than its lease: nobody else makes it', async () => {
      await begin({ rules: { leaseMs: 20, timeoutMs: 10_000 } })
      const slow = held()
      receiver.answer = ({ json }) => (json.data.n === 1 ? slow.until : undefined)
      await stage.emit('chat', 1)
      await receiver.at(0)
      for (let n = 2; n < 20; n++) {
        await stage.emit('chat', n)
        await stage.emit('other', 100 + n)
        await eventually(async () => numbers().includes(100 + n))
      }
      expect(numbers().filter((n) => n < 100)).toEqual([1])
      slow.release()
      await settled()
      expect(numbers().filter((n) => n < 100)).toEqual(Array.from({ length: 19 }, (_, n) => n + 1))
    })

    /** An attempt at `/a` that is answered only after the webhook has become `change`. */
    const changedMeanwhile = async (change: Parameters<Stage['events']['webhooks']['configure']>[1], status: number) => {
      await begin()
      const slow = held()
      receiver.answer = async ({ path }: Delivered, response) => {
        if (path !== '/a') return
        await slow.until
        response.statusCode = status
      }
      await stage.emit('chat', 1)
      await receiver.at(0)
      await stage.events.webhooks.configure(INSTANCE, change)
      slow.release()
    }

    test.each([410, 500])(
      'a webhook is given a new URL while the old one answers %i: the new one gets the event and is not blamed',
      async (status) => {
        await changedMeanwhile({ enabled: true, url: `${receiver.url}/b` }, status)
        expect((await receiver.at(1)).path).toBe('/b')
        await settled()
        expect(await stage.events.webhooks.find(INSTANCE, 'default')).toMatchObject({ enabled: true })
        expect(await failuresOf()).toBe(0)
      },
    )

    test('a webhook is disabled while its receiver takes an event: that is delivered, not dead', async () => {
      await changedMeanwhile({ enabled: false }, 200)
      await settled()
      expect((await stage.call('events.deliveries')).body.deliveries).toMatchObject([{ state: 'delivered' }])
    })

    test('a webhook is disabled while its receiver fails: a dead letter says why', async () => {
      await changedMeanwhile({ enabled: false }, 500)
      await eventually(async () => (await stage.database.db.read.selectFrom('delivery_lanes').selectAll().execute()).length === 0)
      expect(await stage.deliveries()).toMatchObject([{ state: 'dead', last_error: 'the webhook was disabled' }])
    })

    test('an instance is being deleted while something waits: it is neither delivered nor asked for all the time', async () => {
      await begin()
      await stage.events.stop()
      await stage.emit('chat', 1)
      await stage.database.db.write((tx) => tx.updateTable('instances').set({ state: 'deleting' }).execute())
      stage = await stage.restart()
      const due = async () =>
        (await stage.database.db.read.selectFrom('delivery_lanes').select('next_attempt_at').executeTakeFirstOrThrow()).next_attempt_at
      await eventually(async () => (await due()) > Date.now(), 'the lane is given back for later')
      expect(receiver.requests).toEqual([])
    })

    test('an instance is deleted while its receiver is being probed: nothing of its webhook is kept', async () => {
      await begin({ rules: { waits: [0, 60_000], probeAfter: 1, probeEveryMs: 60_000 } })
      receiver.answer = (_request, response) => void response.writeHead(500).end()
      for (const chat of ['chat 1', 'chat 2', 'chat 3']) await stage.emit(chat, 1)
      await eventually(async () => (await failuresOf()) > 0, 'the circuit is open')
      await stage.emit('chat 4', 1)
      await eventually(async () => stage.events.webhooksBusy().sending === 0, 'the attempts are noted')
      expect(stage.events.webhooksBusy()).toEqual({ sending: 0, waiting: 1 })
      await stage.database.db.write((tx) => tx.deleteFrom('instances').where('id', '=', INSTANCE).execute())
      stage.events.instanceDeleted(INSTANCE)
      await eventually(async () => stage.events.webhooksBusy().waiting === 0, 'the webhook is let go of')
    })

    test('an open circuit stays open over a restart', async () => {
      await begin({ rules: { waits: [0, 60_000], probeAfter: 2, probeEveryMs: 60_000 } })
      receiver.answer = (_request, response) => void response.writeHead(500).end()
      await stage.emit('chat 1', 1)
      await eventually(async () => (await failuresOf()) === 1)
      await stage.emit('chat 2', 2)
      await eventually(async () => (await failuresOf()) === 2)
      stage = await stage.restart({ rules: { waits: [0, 60_000], probeAfter: 2, probeEveryMs: 20 } })
      receiver.mostAtOnce = 0
      const slow = held()
      receiver.answer = () => slow.until
      for (let n = 3; n <= 6; n++) await stage.emit(`chat ${n}`, n)
      await receiver.count(3)
      expect(receiver.mostAtOnce).toBe(1)
      slow.release()
      await settled()
    })

    test('hundreds wait for a webhook that is disabled: all become dead letters, and can be brought back', async () => {
      await begin()
      const slow = held()
      receiver.answer = () => slow.until
      for (let n = 0; n < 600; n += 100) {
        await stage.events.write((_tx, record) =>
          record(
            ...Array.from({ length: 100 }, (_, k) => ({
              instanceId: INSTANCE,
              name: 'message.exchange' as const,
              lane: `chat ${(n + k) % 550}`,
              data: { n: n + k },
            })),
          ),
        )
      }
      await stage.events.webhooks.configure(INSTANCE, { enabled: false })
      const states = await stage.deliveries()
      expect(states.filter(({ state }) => state === 'waiting')).toEqual([])
      slow.release()
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url })
      await stage.call('events.redeliver', { body: { state: 'dead' } })
      await settled()
      expect(new Set(numbers()).size).toBe(600)
    })
  })
})
