/**
 * Events without WhatsApp and without REST, as a process of its own: log, outbox and workers as the gateway has them, on a real database.
 * `place` is JSON. Ends with one JSON line.
 *   deliver <place> <url> <instances> <events>              stores all events first, then delivers them; `cpuMs` of the latter
 *   pace <place> <url> <instances> <events> <per second>    stores events at this rate while they are delivered. `stored`: event id → time;
 *                                                            `cpuMs` of the process, without the first fifth, whose end `{"warm"}` tells
 *   pace … <rows>                                            the same while so many other deliveries wait for their next attempt
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import { openEvents } from './open-events.ts'
import { sampleData } from './sample-event.ts'
import { sharedTime } from './shared-time.ts'

const [command = '', place = '', url = '', ...counts] = process.argv.slice(2)
const [instances = 0, count = 0, perSecond = 0, rows = 0] = counts.map(Number)
const { events, db, addInstance, close } = await openEvents(place)

const chatsPerInstance = 20
/** How the lanes begin that {@link fill} makes; ours begin with a digit. */
const filled = 'waiting '
const nameOf = (instance: number) => `bench-${instance}`

const setUp = async (): Promise<void> => {
  for (let n = 0; n < instances; n += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, instances - n) }, async (_, m) => {
        await addInstance(nameOf(n + m))
        await events.webhooks.configure(nameOf(n + m), { enabled: true, url })
      }),
    )
}

const store = async (n: number): Promise<string> => {
  const lane = `${Math.floor(n / instances) % chatsPerInstance}@s.whatsapp.net`
  const [id = ''] = await events.write((_tx, record) =>
    record({ instanceId: nameOf(n % instances), name: 'message.exchange', lane, data: sampleData(n) }),
  )
  return id
}

/** Deliveries that failed once and are due tomorrow, in lanes of their own, of every instance alike; oldest in the log. */
const fill = async (): Promise<void> => {
  const tomorrow = Date.now() + 24 * 3_600_000
  const ofEach = Math.ceil(rows / instances)
  const last = sql.lit(ofEach - 1)
  const numbers =
    db.kind === 'sqlite'
      ? sql`with recursive numbers (n) as (select 0 union all select n + 1 from numbers where n < ${last})`
      : sql`with numbers (n) as (select generate_series(0, ${last}))`
  const padded = (text: RawBuilder<unknown>) => (db.kind === 'sqlite' ? sql`printf('%026d', ${text})` : sql`lpad((${text})::text, 26, '0')`)
  // A hundred lanes each, in the order of the key.
  const lane = sql`${sql.lit(filled)} || cast(n * 100 / ${sql.lit(ofEach)} as integer)`
  await db.write(async (tx) => {
    await sql`insert into events (id, instance_id, name, lane, data, created_at)
      ${numbers} select ${padded(sql`n`)}, ${nameOf(0)}, 'message.exchange', ${lane}, '{"message":{"type":"text","content":"hello"}}', 0 from numbers
    `.execute(tx)
    await sql`insert into deliveries (webhook_id, lane, event_id, instance_id, attempts, state, created_at)
      ${numbers} select w.id, ${lane}, ${padded(sql`n`)}, w.instance_id, 1, 'waiting', 0 from webhooks w cross join numbers
    `.execute(tx)
    await sql`insert into delivery_lanes (webhook_id, lane, instance_id, next_attempt_at)
      select distinct webhook_id, lane, instance_id, ${sql.lit(tomorrow)} from deliveries
    `.execute(tx)
  })
  // What loading leaves to the server's background is not what rows cost that wait there.
  if (db.kind === 'postgres') for (const chore of [sql`vacuum analyze`, sql`checkpoint`]) await chore.execute(db.read)
}

/** Until nothing of ours is left in the outbox; what has been waiting there since before is not looked at, that would cost what it is many. */
const delivered = async (): Promise<void> => {
  const waiting = sql`select w.id from webhooks w where exists (
    select 1 from deliveries d where d.webhook_id = w.id and d.state = 'waiting' and d.lane < ${filled}) limit 1`
  while ((await waiting.execute(db.read)).rows.length > 0) await pause(100)
}

const deliver = async () => {
  await setUp()
  for (let n = 0; n < count; n += 500) await Promise.all(Array.from({ length: Math.min(500, count - n) }, (_, m) => store(n + m)))
  const before = process.cpuUsage()
  await events.start()
  await delivered()
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000 }
}

const pace = async () => {
  await setUp()
  if (rows > 0) await fill()
  await events.start()
  const stored: Record<string, number> = {}
  const warmUp = Math.floor(count / 5)
  const writes: Promise<void>[] = []
  let before = process.cpuUsage()
  const began = performance.now()
  for (let n = 0; n < count; n++) {
    const early = began + (n * 1000) / perSecond - performance.now()
    if (early > 0) await pause(early)
    if (n === warmUp) {
      before = process.cpuUsage()
      process.stdout.write('{"warm":true}\n')
    }
    writes.push(
      store(n).then((id) => {
        stored[id] = sharedTime()
      }),
    )
  }
  await Promise.all(writes)
  await delivered()
  const { user, system } = process.cpuUsage(before)
  return { stored, cpuMs: (user + system) / 1000, measured: count - warmUp }
}

const result = command === 'deliver' ? await deliver() : command === 'pace' ? await pace() : {}
await close()
process.stdout.write(`${JSON.stringify(result)}\n`)
