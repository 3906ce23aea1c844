/**
 * Events without WhatsApp and without REST, as a process of its own: log, outbox and workers as the gateway has them, on a real database.
 * `place` is JSON. Ends with one JSON line.
 *   deliver <place> <url> <instances> <events>              stores all events first, then delivers them
 *   pace <place> <url> <instances> <events> <per second>    stores events at this rate while they are delivered. `stored`: event id → time;
 *                                                            `cpuMs` of the process, without the first fifth
 */
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { openEvents } from './open-events.ts'
import { sampleData } from './sample-event.ts'
import { sharedTime } from './shared-time.ts'

const [command = '', place = '', url = '', ...counts] = process.argv.slice(2)
const [instances = 0, count = 0, perSecond = 0] = counts.map(Number)
const { events, db, addInstance, close } = await openEvents(place)

const chatsPerInstance = 20
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

/** Until nothing of ours is left in the outbox. */
const delivered = async (): Promise<void> => {
  const waiting = () =>
    db.read
      .selectFrom('deliveries')
      .select('event_id')
      .where('webhook_id', 'in', (own) => own.selectFrom('webhooks').select('id').where('instance_id', 'like', 'bench-%'))
      .where('state', '=', 'waiting')
      .limit(1)
      .executeTakeFirst()
  while ((await waiting()) !== undefined) await pause(100)
}

const deliver = async () => {
  await setUp()
  for (let n = 0; n < count; n += 500) await Promise.all(Array.from({ length: Math.min(500, count - n) }, (_, m) => store(n + m)))
  await events.start()
  await delivered()
  return {}
}

const pace = async () => {
  await setUp()
  await events.start()
  const stored: Record<string, number> = {}
  const warmUp = Math.floor(count / 5)
  const writes: Promise<void>[] = []
  let before = process.cpuUsage()
  const began = performance.now()
  for (let n = 0; n < count; n++) {
    const early = began + (n * 1000) / perSecond - performance.now()
    if (early > 0) await pause(early)
    if (n === warmUp) before = process.cpuUsage()
    writes.push(
      store(n).then((id) => {
        stored[id] = sharedTime()
      }),
    )
  }
  await Promise.all(writes)
  await delivered()
  const { user, system } = process.cpuUsage(before)
  return { stored, cpuMs: (user + system) / 1000 }
}

const result = command === 'deliver' ? await deliver() : command === 'pace' ? await pace() : {}
await close()
process.stdout.write(`${JSON.stringify(result)}\n`)
