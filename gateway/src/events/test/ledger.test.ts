/** The ledger of the outbox: many deliveries in one transaction, and none that pays for another. */
import { describe, expect, test } from 'vitest'
import { forEachDatabase, type TestDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import type { Database } from '../../storage/database.ts'
import type { Attempted } from '../webhooks/attempt.ts'
import { createLedger } from '../webhooks/ledger.ts'
import { addDeliveries, type Delivery } from '../webhooks/outbox.ts'
import { createWebhookRepository } from '../webhooks/repository.ts'
import { toWebhook } from '../webhooks/webhook.ts'

const leaseMs = 1_000

forEachDatabase((_name, open) => {
  describe('The ledger', () => {
    const begin = async (database: TestDatabase) => {
      let now = 1_000
      let writes = 0
      let broken: string | null = null
      const { vault } = database
      const db: Database = {
        ...database.db,
        write(work) {
          writes++
          return database.db.write(work)
        },
      }
      const clock = { now: () => now }
      const repository = createWebhookRepository({ vault, clock })
      const ledger = createLedger({
        db,
        clock,
        leaseMs,
        repository: {
          ...repository,
          async setFailures(tx, id, failures) {
            if (id === broken) throw new Error('this webhook cannot be written')
            await repository.setFailures(tx, id, failures)
          },
        },
      })
      await addAccount(db, 'account')
      await addInstance(db, 'shop', 'account')
      const webhook = (label: string) =>
        db.write((tx) => repository.save(tx, 'shop', toWebhook({ label, enabled: true, url: 'https://receiver.example' })))
      /** Events 1, 2, … in these lanes, for the webhook. */
      const add = (webhookId: string, ...lanes: string[]) =>
        db.write(async (tx) => {
          const rows = lanes.map((lane, n) => ({
            id: `${webhookId} ${String(n + 1).padStart(3, '0')}`,
            instance_id: 'shop',
            name: 'call.update',
            lane,
            data: '{}',
            created_at: 0,
          }))
          await tx.insertInto('events').values(rows).execute()
          const deliveries = rows.map(({ id, lane }) => ({ webhookId, lane, instanceId: 'shop', eventId: id }))
          await addDeliveries(tx, deliveries, now)
        })
      const lanesLeft = async () =>
        (await db.read.selectFrom('delivery_lanes').select(['lane', 'next_attempt_at as due']).orderBy('lane').execute()).map(
          ({ lane, due }) => [lane, due] as const,
        )
      return {
        db,
        ledger,
        webhook,
        add,
        lanesLeft,
        counted: async (work: () => Promise<unknown>) => {
          const before = writes
          await work()
          return writes - before
        },
        sleep: (ms: number) => {
          now += ms
        },
        breakWebhook: (id: string) => {
          broken = id
        },
      }
    }
    const attempted = (at = 0): Attempted =>
      ({ outcome: { kind: 'taken', status: 200 }, at, durationMs: 5, answer: 'thanks' }) as unknown as Attempted
    const waitingOf = (delivery: Delivery) => String(Number(delivery.eventId.split(' ')[1]))

    const endsRun = { failuresOver: false, after: 'next run' } as const
    const goesOn = { failuresOver: false, after: 'go on' } as const

    test('takes due lanes, oldest first and no more than asked for', async () => {
      const { ledger, webhook, add } = await begin(await open())
      const id = await webhook('a')
      await add(id, 'ann', 'bob', 'ann', 'eve')
      const claimed = await ledger.claim(id, 2)
      expect(claimed).toHaveLength(2)
      expect(claimed[0]?.[0]).toMatchObject({
        webhookId: id,
        instanceId: 'shop',
        attempts: 0,
        name: 'call.update',
        data: '{}',
        leaseEnd: 2_000,
      })
      expect([...claimed, ...(await ledger.claim(id, 5))].map((run) => run.map(waitingOf)).sort()).toEqual([['1', '3'], ['2'], ['4']])
      expect(await ledger.claim(id, 5)).toEqual([])
    })

    test('walks through a lane run by run, in order, and takes it off at its end', async () => {
      const { ledger, webhook, add, lanesLeft } = await begin(await open())
      const id = await webhook('a')
      // Between lanes that sort before and behind it.
      await add(id, 'aaa', ...Array.from({ length: 60 }, () => 'bob'), 'eve')
      const walked: (string | null)[][] = []
      const claimed = await ledger.claim(id, 5)
      for (let run = claimed.find(([{ lane }]) => lane === 'bob') ?? null; run !== null; ) {
        walked.push(run.map(waitingOf))
        const notes = run.map((delivery, n) => ledger.taken(delivery, attempted(), n === (run?.length ?? 0) - 1 ? endsRun : goesOn))
        expect((await Promise.all(notes.slice(0, -1))).every((next) => next === null)).toBe(true)
        run = (await notes.at(-1)) ?? null
      }
      const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => String(from + n))
      expect(walked).toEqual([numbers(2, 25), numbers(26, 49), numbers(50, 61)])
      expect((await lanesLeft()).map(([lane]) => lane)).toEqual(['aaa', 'eve'])
    })

    test('gives a lane back with the last note of its run: due at once, and gone when nothing waits in it', async () => {
      const { ledger, webhook, add, lanesLeft, counted } = await begin(await open())
      const id = await webhook('a')
      await add(id, ...Array.from({ length: 25 }, () => 'bob'))
      for (const length of [24, 1]) {
        const [run = []] = await ledger.claim(id, 1)
        expect(run).toHaveLength(length)
        const notes = run.map((delivery, n) =>
          ledger.taken(delivery, attempted(), n === length - 1 ? { ...goesOn, after: 'release' } : goesOn),
        )
        expect(await counted(() => Promise.all(notes))).toBe(1)
        expect(await Promise.all(notes)).toEqual(run.map(() => null))
        expect(await lanesLeft()).toEqual([['bob', 1_000]])
      }
      expect(await ledger.claim(id, 1)).toEqual([])
      expect(await lanesLeft()).toEqual([])
    })

    test('writes in one transaction what comes at once, of all webhooks', async () => {
      const { db, ledger, webhook, add, counted } = await begin(await open())
      const ids = await Promise.all(['a', 'b', 'c'].map(webhook))
      for (const id of ids) await add(id, 'ann', 'bob', 'eve')
      let deliveries: Delivery[] = []
      expect(
        await counted(async () => {
          deliveries = (await Promise.all(ids.map((id) => ledger.claim(id, 10)))).flat(2)
        }),
      ).toBe(1)
      expect(deliveries).toHaveLength(9)
      expect(await counted(() => Promise.all(deliveries.map((delivery) => ledger.taken(delivery, attempted(7), endsRun))))).toBe(1)
      expect(await db.read.selectFrom('deliveries').selectAll().execute()).toEqual([])
      expect(await db.read.selectFrom('delivery_lanes').selectAll().execute()).toEqual([])
      const past = await db.read.selectFrom('delivered').selectAll().execute()
      expect(past).toHaveLength(9)
      expect(past[0]).toMatchObject({ instance_id: 'shop', at: 7, duration_ms: 5, status: 200, answer: 'thanks' })
    })

    test('one that cannot be written fails alone', async () => {
      const { ledger, webhook, add, breakWebhook, lanesLeft } = await begin(await open())
      const [good, bad] = [await webhook('good'), await webhook('bad')]
      await add(good, 'ann')
      await add(bad, 'bob')
      const deliveries = [...(await ledger.claim(good, 1)), ...(await ledger.claim(bad, 1))].flat()
      breakWebhook(bad)
      const results = await Promise.allSettled(
        deliveries.map((delivery) => ledger.taken(delivery, attempted(), { failuresOver: true, after: 'next run' })),
      )
      expect(results).toMatchObject([
        { status: 'fulfilled', value: null },
        { status: 'rejected', reason: { message: 'this webhook cannot be written' } },
      ])
      expect((await lanesLeft()).map(([lane]) => lane)).toEqual(['bob'])
    })

    test('notes nothing for a delivery that was purged, or whose webhook is gone, meanwhile', async () => {
      const { db, ledger, webhook, add } = await begin(await open())
      const [purged, deleted, retired] = [await webhook('purged'), await webhook('deleted'), await webhook('retired')]
      for (const id of [purged, deleted, retired]) await add(id, 'ann')
      const deliveries = (await Promise.all([purged, deleted, retired].map((id) => ledger.claim(id, 1)))).flat(2)
      await db.write(async (tx) => {
        await tx.deleteFrom('deliveries').where('webhook_id', '=', purged).execute()
        await tx.deleteFrom('webhooks').where('id', '=', deleted).execute()
        await tx.updateTable('deliveries').set({ state: 'dead' }).where('webhook_id', '=', retired).execute()
      })
      expect(await Promise.all(deliveries.map((delivery) => ledger.taken(delivery, attempted(), endsRun)))).toEqual([null, null, null])
      // What was switched off on the way was delivered all the same.
      expect((await db.read.selectFrom('delivered').select('webhook_id').execute()).map((row) => row.webhook_id)).toEqual([retired])
      expect(await db.read.selectFrom('deliveries').selectAll().execute()).toEqual([])
    })

    test('prolongs a lease that is half over, and leaves a fresh one alone', async () => {
      const { ledger, webhook, add, lanesLeft, sleep } = await begin(await open())
      const id = await webhook('a')
      await add(id, 'ann', 'ann', 'ann')
      const [[first, second] = []] = await ledger.claim(id, 1)
      if (first === undefined || second === undefined) throw new Error('not claimed')
      sleep(400)
      await ledger.taken(first, attempted(), goesOn)
      expect(await lanesLeft()).toEqual([['ann', 2_000]])
      sleep(200)
      const next = await ledger.taken(second, attempted(), endsRun)
      expect(next?.[0].leaseEnd).toBe(2_600)
      expect(await lanesLeft()).toEqual([['ann', 2_600]])
    })
  })
})
