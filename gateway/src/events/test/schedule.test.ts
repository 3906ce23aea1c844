/** The times of the contract, hours included, on a clock that is turned by hand. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { usualRules } from '../webhooks/rules.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { eventually, INSTANCE, openStage, type Stage } from './stage.ts'

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const waits = [5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour]

/** Time that passes only when it is told to. */
const handClock = () => {
  const alarms = new Map<symbol, { at: number; run: () => void }>()
  let time = Date.parse('2026-01-01T00:00:00Z')
  const next = () => [...alarms].sort(([, a], [, b]) => a.at - b.at)[0]
  return {
    now: () => time,
    alarm(ms: number, run: () => void) {
      const key = Symbol()
      alarms.set(key, { at: time + ms, run })
      return () => void alarms.delete(key)
    },
    /** When somebody next wants to be woken, milliseconds from now; null = nobody does. */
    quietFor: () => {
      const first = next()
      return first === undefined ? null : first[1].at - time
    },
    advance(ms: number) {
      const end = time + ms
      for (let first = next(); first !== undefined && first[1].at <= end; first = next()) {
        alarms.delete(first[0])
        time = first[1].at
        first[1].run()
      }
      time = end
    },
  }
}

forEachDatabase((_name, open) => {
  describe('on the usual schedule', () => {
    let stage: Stage
    let receiver: Receiver
    let clock: ReturnType<typeof handClock>
    beforeEach(async () => {
      clock = handClock()
      receiver = await openReceiver()
      stage = await openStage(await open(), { rules: { ...usualRules }, clock, alarm: clock.alarm })
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url })
    })
    afterEach(async () => {
      await stage.close()
      await receiver.close()
    })

    const attemptsOf = async (n: number) => (await stage.deliveries())[n]?.attempts
    const attempted = (n: number, times: number) => eventually(async () => (await attemptsOf(n)) === times, `attempt ${times} of ${n}`)
    /** Milliseconds until the chat is due. */
    const dueIn = async (lane = 'chat'): Promise<number> => {
      const row = await stage.database.db.read
        .selectFrom('delivery_lanes')
        .select('next_attempt_at')
        .where('lane', '=', lane)
        .executeTakeFirstOrThrow()
      return row.next_attempt_at - clock.now()
    }
    /** Turns the clock to the last millisecond before `ms` have passed: everybody sleeps on, for that one millisecond. */
    const almost = async (ms: number) => {
      clock.advance(ms - 1)
      await eventually(async () => clock.quietFor() === 1, 'everybody sleeps')
    }

    test('a delivery is tried after 0 s, 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h and 12 h, ±20 %, then it is a dead letter', async () => {
      receiver.answer = (_request, response) => void response.writeHead(500).end()
      const begun = clock.now()
      await stage.emit('chat', 1)
      for (const [n, wait] of waits.entries()) {
        await attempted(0, n + 1)
        const due = await dueIn()
        expect(due).toBeGreaterThanOrEqual(0.8 * wait)
        expect(due).toBeLessThanOrEqual(1.2 * wait)
        await almost(due)
        expect(receiver.requests).toHaveLength(n + 1)
        clock.advance(1)
        await receiver.count(n + 2)
      }
      await eventually(async () => (await stage.deliveries())[0]?.state === 'dead', 'the dead letter')
      expect(await stage.deliveries()).toEqual([
        { state: 'dead', attempts: 10, last_status: 500, last_error: 'answered 500', lane: 'chat' },
      ])
      expect(clock.now() - begun).toBeGreaterThan(0.8 * waits.reduce((sum, wait) => sum + wait, 0))
      await eventually(async () => {
        clock.advance(hour)
        return clock.quietFor() === null
      }, 'nobody wants to be woken any more')
      expect(receiver.requests).toHaveLength(10)
    })

    test('Retry-After of hours is waited for, in other chats too; one of weeks is cut to a day', async () => {
      let ask = String(2 * 3600)
      receiver.answer = (_request, response) => void response.writeHead(503, { 'retry-after': ask }).end()
      await stage.emit('chat', 1)
      await attempted(0, 1)
      expect(await dueIn()).toBe(2 * hour)
      await stage.emit('other', 2)
      await almost(2 * hour)
      expect(receiver.requests).toHaveLength(1)
      ask = new Date(clock.now() + 21 * 24 * hour).toUTCString()
      clock.advance(1)
      await attempted(0, 2)
      await attempted(1, 1)
      expect([await dueIn('chat'), await dueIn('other')]).toEqual([24 * hour, 24 * hour])
      receiver.answer = () => {}
      await almost(24 * hour)
      expect(receiver.requests).toHaveLength(3)
      clock.advance(1)
      await eventually(async () => (await stage.deliveries()).length === 0, 'everything delivered')
    })

    test('a receiver that was down for hours gets everything the moment it takes one', async () => {
      receiver.answer = (_request, response) => void response.writeHead(500).end()
      for (let n = 0; n < 6; n++) {
        await stage.emit(`chat ${n}`, n)
        if (n === 5) {
          // The circuit is open: the sixth is tried after a pause, and alone.
          await eventually(async () => (clock.quietFor() ?? 0) > 0)
          clock.advance(5 * second)
        }
        await attempted(n, 1)
      }
      await stage.database.db.write((tx) =>
        tx
          .updateTable('delivery_lanes')
          .set({ next_attempt_at: clock.now() + 10 * hour })
          .execute(),
      )
      receiver.answer = () => {}
      await stage.emit('fresh', 99)
      await eventually(async () => (clock.quietFor() ?? 0) > 0)
      clock.advance(5 * second)
      await eventually(async () => (await stage.deliveries()).length === 0, 'everything delivered')
      expect(clock.now()).toBeLessThan(Date.parse('2026-01-01T01:00:00Z'))
    })
  })
})
