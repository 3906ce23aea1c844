/** Frames through the log and the hub to many WebSocket clients, against `ws` alone with the same frames. */
import { withDatabases } from './databases.ts'
import { type Measurement, median, round } from './measurement.ts'
import { lineOf, resultOf, startBench } from './programs.ts'

const rounds = 3
const sizes = [
  { clients: 100, events: 6_000, warmUp: 2_000 },
  { clients: 1_000, events: 800, warmUp: 300 },
]

export const websocket = (): Promise<Measurement[]> =>
  withDatabases('SQLite', async ({ fresh }) => {
    const measurements: Measurement[] = []
    for (const size of sizes) {
      const ours: Rate[] = []
      const theirs: Rate[] = []
      for (let n = 0; n < rounds; n += 1) {
        theirs.push(await rateOf('bare', size))
        ours.push(await rateOf('hub', size, JSON.stringify(await fresh())))
      }
      const [here, there] = [ours, theirs].map((rates) => median(rates.map(({ perSecond }) => perSecond)))
      const [cost, least] = [ours, theirs].map((rates) => median(rates.map(({ cpuPerFrame }) => cpuPerFrame)))
      measurements.push({
        what: `WebSocket frames/s to ${size.clients} clients ÷ bare ws`,
        value: (here ?? Number.NaN) / (there ?? Number.NaN),
        unit: '',
        bound: { is: 'at least', value: 0.7 },
        detail: `${round(here ?? Number.NaN)} ÷ ${round(there ?? Number.NaN)} frames/s, median of ${rounds} × ${size.events - size.warmUp} events; CPU of the server ${round(cost ?? Number.NaN)} and ${round(least ?? Number.NaN)} µs per frame, every event stored first with us`,
      })
    }
    return measurements
  })

interface Rate {
  perSecond: number
  /** Microseconds. */
  cpuPerFrame: number
}

const rateOf = async (kind: 'bare' | 'hub', { clients, events, warmUp }: (typeof sizes)[number], ...place: string[]): Promise<Rate> => {
  const server = startBench('fan-out', kind, events, warmUp, ...place)
  const { port } = await lineOf<{ port: number }>(server)
  const listeners = startBench('listeners', `127.0.0.1:${port}`, '/', clients, events, warmUp)
  await lineOf(listeners)
  server.kill('SIGUSR2')
  const { exact, warmAt, doneAt } = await resultOf<{ exact: boolean; warmAt: number; doneAt: number }>(listeners)
  if (!exact) throw new Error(`${kind}: frames were left out or repeated`)
  const { cpuMs } = await resultOf<{ cpuMs: number }>(server)
  const frames = (events - warmUp) * clients
  return { perSecond: frames / ((doneAt - warmAt) / 1000), cpuPerFrame: (cpuMs * 1000) / frames }
}
