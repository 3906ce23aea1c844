/**
 * The world of a run: a simulated WhatsApp, a gateway that can be ended and started, linked instances, friends, moody receivers. Everything
 * is driven from outside: HTTP, the control API, signals, and `/proc` for what the gateway's process holds.
 */
import { readdir, readFile } from 'node:fs/promises'
import { createApi } from '../toolkit/api.ts'
import { createAccount, type Gateway, startGateway } from '../toolkit/gateway.ts'
import { at, list, text } from '../toolkit/json.ts'
import { type Line, linkedLine } from '../toolkit/line.ts'
import { type Phone, type Simulator, startSimulator } from '../toolkit/simulator.ts'
import { type Ledger, type Measurement, openLedger } from './ledger.ts'
import type { Plan, Scale, Speaker } from './plan.ts'
import { type MoodyReceiver, startMoodyReceiver } from './receivers.ts'
import { type Watch, watchWire } from './watch.ts'

export interface World {
  readonly simulator: Simulator
  readonly gateway: Gateway
  readonly lines: readonly Line[]
  readonly friends: readonly Phone[]
  readonly receivers: readonly MoodyReceiver[]
  readonly ledger: Ledger
  phoneOf(speaker: Speaker): Phone
  /** Ends the gateway and starts it again. */
  endGateway(how: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Name → status of every instance. */
  statuses(): Promise<Map<string, string>>
  /** Puts everything into the ledger that phones and wire have shown so far. */
  look(): Promise<void>
  /** What the gateway's process holds now. */
  measure(): Promise<Measurement>
  /** Ends everything; what the log says goes into the ledger. */
  close(): Promise<void>
}

export interface WorldOptions {
  plan: Plan
  scale: Scale
  /** An empty database; undefined: SQLite. */
  databaseUrl?: string | undefined
}

export const openWorld = async ({ plan, scale, databaseUrl }: WorldOptions): Promise<World> => {
  const ledger = openLedger()
  const closing: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  try {
    let run = 0
    const simulator = await startSimulator(['--seed', String(plan.seed)])
    closing.push(() => simulator.stop())
    const receivers: MoodyReceiver[] = []
    for (let index = 0; index < scale.receivers; index += 1) {
      const receiver = await startMoodyReceiver(ledger, () => run)
      receivers.push(receiver)
      closing.push(() => receiver.close())
    }
    const gateway = await startGateway({
      network: simulator.url,
      databaseUrl,
      env: { LOG_LEVEL: 'warn', UNKNOWN_TOKENS_PER_MINUTE: '1000000', CONNECT_CONCURRENCY: '20' },
    })
    closing.push(() => gateway.dispose())
    const token = await createAccount(gateway, 'chaos')
    const account = gateway.api(token)

    const lines: Line[] = []
    // A few at a time: linking is the costly part.
    while (lines.length < scale.lines) {
      const batch = Array.from({ length: Math.min(5, scale.lines - lines.length) }, async (_, offset) => {
        const index = lines.length + offset
        const phone = await simulator.phone({ name: `Owner ${index}` })
        const webhookURL = `${receivers[index % receivers.length]?.url}/${phone.number}`
        return linkedLine(gateway, account, phone, `line-${index}`, { webhookEnabled: true, webhookURL })
      })
      lines.push(...(await Promise.all(batch)))
    }
    ledger.lines.push(...lines.map(({ phone }) => phone.number))
    const friends = await Promise.all(Array.from({ length: scale.friends }, (_, index) => simulator.phone({ name: `Friend ${index}` })))
    const watch = watchWire(simulator, ledger)
    closing.push(() => watch.stop())

    const readLog = () => ledger.accidents.push(...accidentsIn(gateway.output()).map((line) => `run ${run}: ${line}`))
    /** An end that nobody asked for. */
    const guard = (here: number) =>
      void gateway.exited().then(({ code, signal }) => {
        if (run === here && !ending) ledger.accidents.push(`run ${here} of the gateway ended by itself: code ${code}, signal ${signal}`)
      })
    let ending = false
    guard(run)

    return {
      simulator,
      gateway,
      lines,
      friends,
      receivers,
      ledger,
      phoneOf({ kind, index }) {
        const phone = kind === 'friend' ? friends[index] : lines[index]?.phone
        if (phone === undefined) throw new Error(`there is no ${kind} ${index}`)
        return phone
      },
      async endGateway(how) {
        ending = true
        if (how === 'SIGKILL') await gateway.kill()
        else await gateway.stop()
        readLog()
        run += 1
        await gateway.restart()
        ending = false
        guard(run)
      },
      async statuses() {
        const items = list((await account.get('/api/instance/list')).body, 'instances')
        return new Map(items.map((item) => [text(item, 'name'), text(item, 'status')]))
      },
      look: () => look(watch, ledger, [...lines.map(({ phone }) => phone), ...friends]),
      measure: async () => ({ run, ...(await measure(gateway.pid())) }),
      async close() {
        ending = true
        readLog()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Ends every fault at once. */
export const liftFaults = async ({ simulator }: World): Promise<void> => {
  await createApi(simulator.url).delete('/faults')
}

/** Instances whose device is not connected on the network's side, or whose gateway does not say `connected`. */
export const missing = async (world: World): Promise<string[]> => {
  const statuses = await world.statuses()
  const absent: string[] = []
  for (const { name, phone } of world.lines) {
    const status = statuses.get(name)
    const [device] = await phone.devices()
    if (status !== 'connected' || device?.connected !== true)
      absent.push(`${name} is ${status}, ${device?.connected ? 'connected' : 'gone'} for the network`)
  }
  return absent
}

const look = async (watch: Watch, ledger: Ledger, phones: readonly Phone[]): Promise<void> => {
  await watch.catchUp()
  ledger.shown.length = 0
  for (const phone of phones) {
    for (const message of await phone.messages()) {
      const words = at(message, 'text')
      if (typeof words === 'string')
        ledger.shown.push({ phone: phone.number, id: text(message, 'id'), words, fromMe: at(message, 'fromMe') === true })
    }
  }
}

const measure = async (pid: number): Promise<{ descriptors: number; residentMib: number }> => {
  const [descriptors, status] = await Promise.all([readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/status`, 'utf8')])
  return { descriptors: descriptors.length, residentMib: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024 }
}

/** What faults may cause: an answer 5xx with a reason for people, and requests that outlast the time a stop gives them. */
const expected = /"type":"ApiError"|"phase":"requests"/

/** Lines of the log that must not be there: other errors (pino level 50 and up), and promises and exceptions nobody looked at. */
const accidentsIn = (output: string): string[] =>
  output.split('\n').flatMap((line) => {
    if (/unhandledRejection|uncaughtException/.test(line)) return [line.slice(0, 2_000)]
    const level = /^\{"level":(\d+)/.exec(line)?.[1]
    return level !== undefined && Number(level) >= 50 && !expected.test(line) ? [line.slice(0, 1_000)] : []
  })
