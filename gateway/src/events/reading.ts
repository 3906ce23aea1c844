/** The event log for those who have no public address: they ask for what comes after the last event they have, and may wait for it. */

import type { Clock } from '../runtime/clock.ts'
import { ulid, ulidFloor } from '../runtime/ids.ts'
import type { StoredEvent } from './envelope.ts'
import type { EventHistory } from './history.ts'

export interface LogReading {
  /**
   * Events after `after`, oldest first. When there are none, waits up to `waitMs` for the first. `complete` false: events that came after
   * `after` may be gone by age.
   */
  read(request: LogRequest): Promise<{ events: StoredEvent[]; complete: boolean }>
  /** The position behind everything that has happened so far. */
  latest(): string
  /** There is something new of this instance. */
  announce(instanceId: string): void
  /** Lets everybody who waits go. */
  stop(): void
}

export interface LogRequest {
  instanceId: string
  /** Id of the last event read; null = from the beginning. */
  after: string | null
  limit: number
  waitMs: number
  /** Aborted when the client goes away. */
  signal: AbortSignal
}

interface Collaborators {
  history: EventHistory
  clock: Clock
  /** Younger events are all there. */
  retentionMs: number
}

/** Sorts before every id. */
const BEGINNING = '0'

export const createLogReading = ({ history, clock, retentionMs }: Collaborators): LogReading => {
  const waiting = new Map<string, Set<() => void>>()
  let stopped = false

  /** Resolves when something was announced, the time is over, or there is nobody to wait for. */
  const news = (instanceId: string, waitMs: number, signal: AbortSignal): { come: Promise<void>; cancel(): void } => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, waitMs)
    const here = waiting.get(instanceId) ?? new Set()
    waiting.set(instanceId, here.add(resolve))
    signal.addEventListener('abort', () => resolve())
    if (stopped || signal.aborted) resolve()
    return {
      come: promise,
      cancel() {
        clearTimeout(timer)
        here.delete(resolve)
        if (here.size === 0 && waiting.get(instanceId) === here) waiting.delete(instanceId)
      },
    }
  }

  const wake = (here: ReadonlySet<() => void> | undefined): void => {
    for (const resolve of here ?? []) resolve()
  }

  return {
    async read({ instanceId, after, limit, waitMs, signal }) {
      const position = after ?? BEGINNING
      // Listened before the first look, so that nothing is announced in between.
      const { come, cancel } = news(instanceId, waitMs, signal)
      try {
        let page = await history.page(instanceId, position, limit)
        if (page.events.length === 0 && waitMs > 0) {
          await come
          page = await history.page(instanceId, position, limit)
        }
        return { events: page.events, complete: page.unbroken || after === null || after >= ulidFloor(clock.now() - retentionMs) }
      } finally {
        cancel()
      }
    },
    latest: () => ulid(clock.now()),
    announce: (instanceId) => wake(waiting.get(instanceId)),
    stop() {
      stopped = true
      for (const here of waiting.values()) wake(here)
    },
  }
}
