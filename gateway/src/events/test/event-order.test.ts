/** The way the databases take: lists by the index made for them, without sorting; nobody else by that index. */
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { Database } from '../../storage/database.ts'
import type { Schema } from '../../storage/schema.ts'
import { unneeded } from '../retention.ts'
import { inEventOrder, notUnderWay } from '../webhooks/event-order.ts'

const planOf = async ({ kind, read }: Database, { sql: text, parameters }: CompiledQuery): Promise<string> =>
  read.connection().execute(async (connection) => {
    const filled = text.replaceAll(/\$\d+|\?/g, () => "'x'")
    expect(parameters.every((value) => typeof value === 'string')).toBe(true)
    await sql`begin`.execute(connection)
    try {
      if (kind === 'postgres') await pretendTraffic(connection)
      const { rows } = await sql
        .raw<Record<string, unknown>>(`${kind === 'postgres' ? 'explain' : 'explain query plan'} ${filled}`)
        .execute(connection)
      return rows.map((row) => String(row.detail ?? row['QUERY PLAN'])).join('\n')
    } finally {
      await sql`rollback`.execute(connection)
    }
  })

/** In empty tables one way is as good as another to PostgreSQL. */
const pretendTraffic = async (connection: Kysely<Schema>): Promise<void> => {
  await sql`set local enable_bitmapscan = off; set local session_replication_role = replica`.execute(connection)
  await sql`insert into deliveries (webhook_id, lane, event_id, instance_id, attempts, state, created_at)
    select 'w' || n % 50, 'lane ' || n % 500, 'e' || n, 'i', 0, case n % 3 when 0 then 'dead' else 'waiting' end, 0
    from generate_series(1, 5000) as n`.execute(connection)
  await sql`insert into delivered (webhook_id, event_id, instance_id, at, duration_ms, status, answer)
    select 'w' || n % 50, 'e' || n, 'i', 0, 0, 200, '' from generate_series(5001, 10000) as n`.execute(connection)
  await sql`insert into events (id, instance_id, name, lane, data, created_at)
    select 'e' || n, 'i', 'message.exchange', 'lane ' || n % 500, '{}', 0 from generate_series(1, 10000) as n`.execute(connection)
  await sql`analyze deliveries, delivered, events`.execute(connection)
}

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
