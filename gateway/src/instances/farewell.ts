/** Logs a device out at WhatsApp, whatever its session is doing at the moment, within a time limit. */
import { EngineError, type EngineEvent, type EngineSession } from '../whatsapp/engine.ts'
import type { Attempt } from './attempt.ts'
import type { Connections } from './connections.ts'
import { inputOfClose, type LifeCycleLimits } from './life-cycle.ts'
import { endsWithin } from './time-limit.ts'

export interface Farewell {
  /**
   * True: WhatsApp has removed the device, or had before. False: it did not say so in time. Either way no session is left running.
   * `attempt` is the session in use, already let go of; null: one is opened for the purpose, and its events go to `onEvent`.
   * `signal` ends the wait early.
   */
  logOut(instanceId: string, attempt: Attempt | null, options: FarewellOptions): Promise<boolean>
}

export interface FarewellOptions {
  signal: AbortSignal
  onEvent?(event: EngineEvent): Promise<void>
}

export const createFarewell = ({ connections, limits }: { connections: Connections; limits: LifeCycleLimits }): Farewell => ({
  async logOut(instanceId, attempt, { signal, onEvent = async () => {} }) {
    const visit: Visit = { session: attempt?.session ?? null, over: false }
    const cut = Promise.withResolvers<false>()
    const onAbort = () => cut.resolve(false)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()

    const work = attempt === null ? fromOutside(connections, instanceId, visit, onEvent) : fromInside(attempt)
    let left = false
    try {
      await endsWithin(
        limits.logoutMs,
        Promise.race([work, cut.promise]).then((result) => {
          left = result
        }),
      )
    } catch {
      // The session could not even be opened: there is nothing more to try.
    } finally {
      visit.over = true
      signal.removeEventListener('abort', onAbort)
    }
    // `logout` closes the session; whatever else happened, it must not run on. One that does not stop is not waited for.
    if (visit.session !== null)
      await endsWithin(
        Math.min(limits.stopMs, 1_000),
        visit.session.stop().catch(() => undefined),
      )
    return left
  },
})

interface Visit {
  session: EngineSession | null
  /** Nobody waits any more: a session that is opened only now is not started. */
  over: boolean
}

/** With the session in use, as soon as it is open. */
const fromInside = async (attempt: Attempt): Promise<boolean> => {
  const opened = await attempt.opening
  return opened === 'open' ? ask(attempt.session) : opened === 'unlinked'
}

/** With a session made for it. A QR means that WhatsApp never knew it. */
const fromOutside = async (
  connections: Connections,
  instanceId: string,
  visit: Visit,
  onEvent: (event: EngineEvent) => Promise<void>,
): Promise<boolean> => {
  const result = Promise.withResolvers<'open' | 'unknown' | 'failed'>()
  const session = await connections.open(instanceId, {
    historyDays: null,
    keepOnline: false,
    async onEvent(event) {
      if (event.type === 'open') result.resolve('open')
      if (event.type === 'qr') result.resolve('unknown')
      if (event.type === 'closed') result.resolve(inputOfClose(event.reason, true) === 'unlinked' ? 'unknown' : 'failed')
      await onEvent(event)
    },
  })
  if (visit.over) return false
  visit.session = session
  session.start()
  const outcome = await result.promise
  return outcome === 'open' ? ask(session) : outcome === 'unknown'
}

const ask = async (session: EngineSession): Promise<boolean> => {
  try {
    await session.logout()
    return true
  } catch (error) {
    return error instanceof EngineError && error.code === 'logged-out'
  }
}
