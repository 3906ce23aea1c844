/**
 * Brings back what is wanted: after a restart of the gateway and after a lost connection. So many connects at a time as the budget
 * allows, each instance after a wait of its own that grows with its failures. What the owner starts himself does not wait for the budget.
 */
import { backoffDelay } from '../runtime/backoff.ts'
import type { Logger } from '../runtime/logging.ts'
import { createConnectBudget } from './connect-budget.ts'
import type { Connections, EndedSession } from './connections.ts'
import type { LifeCycleLimits } from './life-cycle.ts'
import type { LiveInstance, Registry } from './registry.ts'

export interface Supervisor {
  /** Connects every wanted instance, as far as it has a session. Does not wait for it. */
  start(): void
  /** To be told of every session that ended by itself. */
  sessionEnded(instance: LiveInstance, ended: EndedSession): void
  /** Tries again although nothing ended, e.g. after a log-out that WhatsApp did not confirm. */
  tryAgain(instance: LiveInstance): void
  /** No retry is due any more. */
  release(instance: LiveInstance): void
  /** Starts nothing any more. */
  stop(): void
}

export const createSupervisor = ({
  registry,
  connections,
  concurrency,
  limits,
  logger,
  random,
}: {
  registry: Registry
  /** A function, since connections report their ends here. */
  connections(): Connections
  concurrency: number
  limits: LifeCycleLimits
  logger: Logger
  random?: () => number
}): Supervisor => {
  const budget = createConnectBudget(concurrency)
  let stopped = false

  const isDue = (instance: LiveInstance) =>
    !stopped && instance.wanted && instance.state === 'disconnected' && instance.attempt === null && registry.byId(instance.id) === instance

  const release = (instance: LiveInstance) => {
    if (instance.retryTimer !== null) clearTimeout(instance.retryTimer)
    instance.retryTimer = null
  }

  const schedule = (instance: LiveInstance, ms: number) => {
    release(instance)
    if (stopped) return
    instance.retryTimer = setTimeout(() => {
      instance.retryTimer = null
      void retry(instance)
    }, ms)
  }

  const retry = async (instance: LiveInstance) => {
    // One place in the budget's line is enough; who stands in it already gets his turn.
    if (instance.inLine || !isDue(instance)) return
    instance.inLine = true
    const place = await budget.acquire()
    instance.inLine = false
    if (place === null) return
    await instance.commands.run(async () => {
      if (!isDue(instance)) return place()
      try {
        await connections().begin(instance, { by: 'supervisor', input: 'retry', release: place })
      } catch (error) {
        place()
        logger.warn({ instance: instance.id, err: error }, 'An instance could not be connected')
        if (isDue(instance)) tryAgain(instance)
      }
    })
  }

  const tryAgain = (instance: LiveInstance) => {
    schedule(instance, backoffDelay(instance.failures, { firstMs: limits.retryFirstMs, maxMs: limits.retryMaxMs }, random))
    instance.failures += 1
  }

  return {
    start() {
      for (const instance of registry.all()) void retry(instance)
    },

    sessionEnded(instance, { edge, reason, lastedMs }) {
      if (lastedMs >= limits.stableMs) instance.failures = 0
      if (edge.to !== 'disconnected' || !instance.wanted) {
        instance.failures = 0
        return
      }
      // WhatsApp asks for a restart (stream error 515) when it wants us back at once; asked for again and again it is a fault.
      if (reason === 'restart' && instance.failures === 0) {
        instance.failures = 1
        schedule(instance, 0)
      } else tryAgain(instance)
    },

    tryAgain,
    release,

    stop() {
      stopped = true
      budget.close()
      for (const instance of registry.all()) release(instance)
    },
  }
}
