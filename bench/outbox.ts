/** Whether what a delivery costs depends on how much waits in the outbox, or on how many instances there are. */
import { type DatabaseName, type Databases, withDatabases } from './databases.ts'
import { type Measurement, round } from './measurement.ts'
import { lineOf, resultOf, startBench } from './programs.ts'

const few = { instances: 10, rows: 1_000 }
const muchWaits = { instances: 10, rows: 1_000_000 }
const manyInstances = { instances: 1_000, rows: 1_000 }

const perSecond = 250
const deliveries = 2_500

export const outbox = (name: DatabaseName) => async (): Promise<Measurement[]> =>
  withDatabases(name, async (databases) => {
    const least = await costOf(few, databases)
    const full = await costOf(muchWaits, databases)
    const wide = await costOf(manyInstances, databases)
    const again = await costOf(few, databases)
    const base = (least + again) / 2
    const detail = `ms of CPU per event stored and delivered, ${perSecond}/s${name === 'PostgreSQL' ? ', the server included' : ''}`
    return [
      {
        what: `cost of a delivery with 1,000,000 rows in the outbox ÷ with 1,000, ${name}`,
        value: full / base,
        unit: '',
        bound: { is: 'at most', value: 1.2 },
        detail: `${round(full)} ÷ ${round(base)} ${detail}`,
      },
      {
        what: `cost of a delivery with 1,000 instances ÷ with 10, ${name}`,
        value: wide / base,
        unit: '',
        bound: { is: 'at most', value: 1.2 },
        detail: `${round(wide)} ÷ ${round(base)} ${detail}`,
      },
    ]
  })

const costOf = async ({ instances, rows }: typeof few, databases: Databases): Promise<number> => {
  const receiver = startBench('receiver', deliveries, 0)
  const { url } = await lineOf<{ url: string }>(receiver)
  const program = startBench('events', 'pace', JSON.stringify(await databases.fresh()), url, instances, deliveries, perSecond, rows)
  await lineOf(program)
  const before = await databases.cpu()
  const { cpuMs, measured } = await resultOf<{ cpuMs: number; measured: number }>(program)
  const after = await databases.cpu()
  receiver.kill('SIGTERM')
  return (cpuMs + after - before) / measured
}
