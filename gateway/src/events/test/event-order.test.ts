/** The way the databases take: lists by the index made for them, without sorting; nobody else by that index. */
import { type CompiledQuery, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { Database } from '../../storage/database.ts'
import { unneeded } from '../retention.ts'
import { inEventOrder, notUnderWay } from '../webhooks/event-order.ts'

const planOf = async ({ kind, write }: Database, { sql: text, parameters }: CompiledQuery): Promise<string> =>
  write(async (tx) => {
    // In an empty table PostgreSQL would read everything at once, whatever there is.
    if (kind === 'postgres') await sql`set local enable_seqscan = off; set local enable_bitmapscan = off`.execute(tx)
    const filled = text.replaceAll(/\$\d+|\?/g, () => "'x'")
    expect(parameters.every((value) => typeof value === 'string')).toBe(true)
    const { rows } = await sql
      .raw<Record<string, unknown>>(`${kind === 'postgres' ? 'explain' : 'explain query plan'} ${filled}`)
      .execute(tx)
    return rows.map((row) => String(row.detail ?? row['QUERY PLAN'])).join('\n')
  })

forEachDatabase((_name, open) => {
  describe('deliveries in the order of their events', () => {
    test('are listed by their own index, unsorted', async () => {
      const { db } = await open()
      const waiting = db.read
        .selectFrom('deliveries')
        .select(['event_id', 'lane'])
        .where(inEventOrder('webhook'))
        .where('state', '=', 'dead')
        .where('event_id', '<', 'event')
        .orderBy('event_id', 'desc')
      const plan = await planOf(db, waiting.compile())
      expect(plan).toContain('deliveries_in_event_order')
      expect(plan).not.toMatch(/sort|temp b-tree/i)
      const delivered = db.read
        .selectFrom('delivered as d')
        .select('d.event_id')
        .where('d.webhook_id', '=', 'webhook')
        .where(notUnderWay)
        .orderBy('d.event_id', 'desc')
      const other = await planOf(db, delivered.compile())
      expect(other).toContain('deliveries_in_event_order')
      expect(other).not.toMatch(/sort|temp b-tree|\bscan again|automatic/i)
    })

    test('are found event by event when events grow old', async () => {
      const { db } = await open()
      const plan = await planOf(db, unneeded(db.read, 'a', 'b').compile())
      expect(plan).toContain('deliveries_in_event_order')
      expect(plan).not.toMatch(/\bscan d\b|automatic/i)
    })

    test('are not the way to what stands first in a lane: that is one seek in the primary key', async () => {
      const { db } = await open()
      const head = db.read
        .selectFrom('deliveries')
        .select((row) => row.fn.min('event_id').as('first'))
        .where('webhook_id', '=', 'webhook')
        .where('state', '=', 'waiting')
        .where('lane', '=', 'lane')
      const plan = await planOf(db, head.compile())
      expect(plan).toMatch(/deliveries_pkey|PRIMARY KEY/)
      expect(plan).not.toContain('deliveries_in_event_order')
    })
  })
})
