import { afterEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { createLogger } from '../../runtime/logging.ts'
import { createRetention } from '../retention.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { eventually, INSTANCE, openStage, type Stage } from './stage.ts'

const DAY = 24 * 60 * 60 * 1000

forEachDatabase((_name, open) => {
  describe('retention', () => {
    let stage: Stage
    let receiver: Receiver
    afterEach(async () => {
      await stage.close()
      await receiver.close()
    })
    const begin = async () => {
      receiver = await openReceiver()
      stage = await openStage(await open(), { rules: { waits: [0], probeAfter: 1_000 } })
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url })
    }
    /** A pass as it would be made in so many days; gives the number of events removed. */
    const passIn = (days: number) =>
      createRetention({
        db: stage.database.db,
        clock: { now: () => Date.now() + days * DAY },
        logger: createLogger('silent'),
        retentionMs: 7 * DAY,
        deadLetterRetentionMs: 30 * DAY,
      }).purge()
    const rows = async (table: 'events' | 'deliveries' | 'delivered' | 'failed_attempts' | 'delivery_lanes') =>
      (await stage.database.db.read.selectFrom(table).selectAll().execute()).length
    const dead = (count: number) =>
      eventually(async () => (await stage.deliveries()).filter(({ state }) => state === 'dead').length === count, `${count} dead`)

    test('takes what was delivered after a week, with its history', async () => {
      await begin()
      await stage.emit('chat', 1)
      await eventually(async () => (await rows('delivered')) === 1)
      expect(await passIn(6.9)).toBe(0)
      expect(await rows('delivered')).toBe(1)
      expect(await passIn(7.1)).toBe(1)
      expect([await rows('events'), await rows('delivered')]).toEqual([0, 0])
    })

    test('keeps an event as long as a dead letter needs it, which goes after a month', async () => {
      await begin()
      receiver.answer = (_request, response) => void response.writeHead(500).end()
      await stage.emit('chat', 1)
      await dead(1)
      expect(await passIn(29)).toBe(0)
      expect([await rows('events'), await rows('deliveries'), await rows('failed_attempts')]).toEqual([1, 1, 1])
      expect(await passIn(31)).toBe(1)
      expect([await rows('events'), await rows('deliveries'), await rows('failed_attempts')]).toEqual([0, 0, 0])
    })

    test('makes a dead letter of what waited for a week: nothing vanishes untried', async () => {
      await begin()
      await stage.events.stop()
      const id = await stage.emit('chat', 1)
      await passIn(7.1)
      expect(await stage.deliveries()).toMatchObject([{ state: 'dead', last_error: 'never tried in time' }])
      stage = await stage.restart()
      expect(await stage.call('events.redeliver', { body: { eventId: id } })).toMatchObject({ body: { redelivered: 1 } })
      expect((await receiver.at(0)).json.id).toBe(id)
      await eventually(async () => (await rows('delivery_lanes')) === 0)
    })

    test('leaves alone what was redelivered lately, however old its event is', async () => {
      await begin()
      await stage.events.stop()
      await stage.emit('chat', 1)
      await stage.database.db.write((tx) =>
        tx
          .updateTable('deliveries')
          .set({ created_at: Date.now() + 7 * DAY })
          .execute(),
      )
      expect(await passIn(8)).toBe(0)
      expect(await stage.deliveries()).toMatchObject([{ state: 'waiting' }])
    })

    test('goes through many, over instances, in steps', async () => {
      await begin()
      await stage.addInstance('instance-2')
      receiver.answer = ({ json }, response) => void response.writeHead(json.data.n % 100 === 0 ? 500 : 200).end()
      const total = 1_200
      for (let n = 0; n < total; n += 100) {
        await stage.events.write((_tx, record) =>
          record(
            ...Array.from({ length: 100 }, (_, k) => ({
              instanceId: k % 2 === 0 ? INSTANCE : 'instance-2',
              name: 'message.exchange' as const,
              lane: `chat ${k}`,
              data: { n: n + k },
            })),
          ),
        )
      }
      await dead(12)
      await eventually(async () => (await stage.deliveries()).length === 12, 'the rest delivered')
      expect(await passIn(8)).toBe(total - 12)
      expect([await rows('events'), await rows('delivered'), await rows('deliveries')]).toEqual([12, 0, 12])
      expect(await passIn(31)).toBe(12)
      expect([await rows('events'), await rows('deliveries'), await rows('failed_attempts')]).toEqual([0, 0, 0])
    })
  })
})
