/** Brings misfortune about, and takes it away again when its time is over. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Json } from '../toolkit/json.ts'
import type { FaultOn, Misfortune } from './misfortunes.ts'
import { liftFaults, type World } from './world.ts'

export interface Faults {
  strike(misfortune: Misfortune): void
  /** Lines another client has taken over: they stay away until their owner reconnects them. */
  readonly takenOver: ReadonlySet<number>
  /** Ends whatever still lasts. */
  lift(): Promise<void>
}

/** Stream error of a connection that was replaced. */
const TAKEN_OVER = 440

export const openFaults = (world: World): Faults => {
  const { simulator, lines, receivers, ledger } = world
  const underWay = new Set<Promise<void>>()
  const takenOver = new Set<number>()
  let over = new AbortController()

  const last = (ms: number) => pause(ms, undefined, { signal: over.signal }).catch(() => {})

  const fault = async ({ line, action, match, more }: FaultOn, forMs: number | null) => {
    const phone = line === null ? undefined : lines[line]?.phone.number
    const whom: { [key: string]: Json } = phone === undefined ? {} : { phone }
    const end = await simulator.fault({ action, match: { ...whom, ...match }, ...more })
    if (more.code === TAKEN_OVER && line !== null) takenOver.add(line)
    // Nobody notices a closed door who is inside.
    if (action === 'refuse-connections') await simulator.fault({ action: 'close', match: whom, times: 1 })
    if (forMs === null) return
    await last(forMs)
    await end()
  }

  const happen = async (misfortune: Misfortune): Promise<void> => {
    switch (misfortune.kind) {
      case 'fault':
        return fault(misfortune.fault, misfortune.forMs)
      case 'offline': {
        const phone = world.phoneOf(misfortune.who)
        await phone.change({ online: false })
        await last(misfortune.forMs)
        return phone.change({ online: true })
      }
      case 'receiver': {
        receivers[misfortune.index]?.be(misfortune.mood)
        await last(misfortune.forMs)
        receivers[misfortune.index]?.be({ kind: 'fine' })
      }
    }
  }

  return {
    takenOver,
    strike(misfortune) {
      const work: Promise<void> = happen(misfortune)
        .catch((error: unknown) => void ledger.accidents.push(`a misfortune did not happen: ${error}`))
        .finally(() => underWay.delete(work))
      underWay.add(work)
    },
    async lift() {
      over.abort()
      while (underWay.size > 0) await Promise.all(underWay)
      over = new AbortController()
      await liftFaults(world)
    },
  }
}
