/** Webhooks: how long an event takes to reach its receiver, and how many one process delivers, against bare POSTs through undici. */
import { type DatabaseName, withDatabases } from './databases.ts'
import { type Measurement, median, round } from './measurement.ts'
import { lineOf, resultOf, startBench } from './programs.ts'

const databases: readonly DatabaseName[] = ['SQLite', 'PostgreSQL']
const instances = 20

export const delivery = async (): Promise<Measurement[]> => {
  const measurements: Measurement[] = []
  for (const name of databases) measurements.push(await latency(name), await throughput(name))
  return measurements
}

const perSecond = 200
const paced = 2_400

const latency = (name: DatabaseName): Promise<Measurement> =>
  withDatabases(name, async ({ fresh }) => {
    const receiver = startBench('receiver', paced, 0, 'times')
    const { url } = await lineOf<{ url: string }>(receiver)
    const place = JSON.stringify(await fresh())
    const { stored } = await resultOf<{ stored: Record<string, number> }>(
      startBench('events', 'pace', place, url, instances, paced, perSecond),
    )
    const { arrivals } = await lineOf<{ arrivals: Record<string, number> }>(receiver, 1)
    receiver.kill('SIGTERM')
    const waits = Object.entries(stored)
      .slice(paced / 5)
      .map(([id, at]) => (arrivals[id] ?? Number.POSITIVE_INFINITY) - at)
      .sort((a, b) => a - b)
    const percentile = (share: number) => waits[Math.floor(waits.length * share)] ?? Number.NaN
    return {
      what: `event stored to first byte of its webhook, 99th percentile, ${name}`,
      value: percentile(0.99),
      unit: ' ms',
      bound: { is: 'at most', value: 50 },
      detail: `half within ${round(percentile(0.5))} ms, ${round(percentile(1 - 1 / waits.length))} ms at most; ${waits.length} events of ${instances} instances, ${perSecond}/s`,
    }
  })

const rounds = 3
const deliveries = 10_000
const warmUp = 3_000
const inFlight = 64

const throughput = (name: DatabaseName): Promise<Measurement> =>
  withDatabases(name, async ({ fresh }) => {
    const ours: Rate[] = []
    const theirs: Rate[] = []
    for (let n = 0; n < rounds; n += 1) {
      theirs.push(await received((url) => startBench('posts', url, deliveries, inFlight)))
      const place = JSON.stringify(await fresh())
      ours.push(await received((url) => startBench('events', 'deliver', place, url, instances, deliveries)))
    }
    const [here, there] = [medianOf(ours), medianOf(theirs)]
    return {
      what: `webhooks delivered/s ÷ bare undici, ${name}`,
      value: here.perSecond / there.perSecond,
      unit: '',
      bound: { is: 'at least', value: 0.5 },
      detail: `${round(here.perSecond)} ÷ ${round(there.perSecond)} per second, median of ${rounds} × ${deliveries}, ${inFlight} requests at once, ${instances} receivers with 20 chats each, commits flushed; CPU of the process ${round(here.cpu)} and ${round(there.cpu)} µs each`,
    }
  })

interface Rate {
  perSecond: number
  /** Microseconds a delivery. */
  cpu: number
}

const medianOf = (rates: readonly Rate[]): Rate => ({
  perSecond: median(rates.map(({ perSecond }) => perSecond)),
  cpu: median(rates.map(({ cpu }) => cpu)),
})

const received = async (start: (url: string) => ReturnType<typeof startBench>): Promise<Rate> => {
  const receiver = startBench('receiver', deliveries, warmUp)
  const { url } = await lineOf<{ url: string }>(receiver)
  const { cpuMs } = await resultOf<{ cpuMs: number }>(start(url))
  const { perSecond } = await lineOf<{ perSecond: number }>(receiver, 1)
  receiver.kill('SIGTERM')
  return { perSecond, cpu: (cpuMs * 1000) / deliveries }
}
