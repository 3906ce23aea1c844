/**
 * A simulated network with a gateway on it, each a process of its own. Starting both takes seconds of CPU, so whoever asks for nothing special
 * gets what others have left: one after the other, never two at a time, and as empty as if it were new. One that saw a story fail goes.
 */
import process from 'node:process'
import { type DatabaseName, freshDatabaseUrl } from './databases.ts'
import { type Gateway, killAtArguments, startGateway } from './gateway.ts'
import { type Simulator, startSimulator } from './simulator.ts'

export interface Venue {
  readonly simulator: Simulator
  readonly gateway: Gateway
  /** Gives it back; `spoilt`: nobody gets it again. Throws when a secret got out of the gateway. */
  leave(how: { spoilt: boolean }): Promise<void>
}

export interface VenueOptions {
  /** Settings make it one of its own. */
  env?: Record<string, string> | undefined
  /** For Node itself; they make it one of its own, too. */
  nodeArguments?: readonly string[] | undefined
  /** `gateway.killAt` works. */
  killable?: boolean | undefined
}

export const enterVenue = async (database: DatabaseName, options: VenueOptions): Promise<Venue> => {
  if (options.env !== undefined || options.nodeArguments !== undefined) {
    const parts = await start(database, options)
    return { ...parts, leave: () => end(parts) }
  }
  const kind = `${database}${options.killable ? ', killable' : ''}`
  const parts = vacant.get(kind) ?? (await start(database, options))
  vacant.delete(kind)
  return {
    ...parts,
    async leave({ spoilt }) {
      if (spoilt || !parts.gateway.runs()) return end(parts)
      try {
        await parts.simulator.liftFaults()
        await parts.gateway.clear()
        vacant.set(kind, parts)
      } catch (error) {
        await end(parts).catch(() => {})
        throw error
      }
    },
  }
}

interface Parts {
  readonly simulator: Simulator
  readonly gateway: Gateway
}

/** One of each kind at most: the stories of a process play one after the other. */
const vacant = new Map<string, Parts>()
const open = new Set<Parts>()

const start = async (database: DatabaseName, { env, nodeArguments = [], killable }: VenueOptions): Promise<Parts> => {
  const simulator = await startSimulator()
  try {
    const gateway = await startGateway({
      network: simulator.url,
      databaseUrl: await freshDatabaseUrl(database),
      nodeArguments: killable ? [...nodeArguments, ...killAtArguments] : nodeArguments,
      // All clients of a story share one address.
      env: { UNKNOWN_TOKENS_PER_MINUTE: '1000000', ...env },
    })
    const parts = { simulator, gateway }
    open.add(parts)
    return parts
  } catch (error) {
    await simulator.stop()
    throw error
  }
}

const end = async (parts: Parts): Promise<void> => {
  open.delete(parts)
  try {
    await parts.gateway.dispose()
  } finally {
    await parts.simulator.stop()
  }
}

/** Vitest ends this process with a signal when there are no more stories for it. */
const closeDown = (): void => {
  for (const { simulator, gateway } of open) {
    void simulator.stop()
    gateway.abandon()
  }
}
process.once('exit', closeDown)
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    closeDown()
    process.kill(process.pid, signal)
  })
