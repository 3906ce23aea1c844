/**
 * Stopping in order: named phases, each with a time limit, and one for all. A phase that fails or is late is logged and the next one begins:
 * whatever happens, the process ends in time.
 */
import type { Logger } from './logging.ts'

export interface Phase {
  name: string
  limitMs: number
  run(): Promise<void> | void
}

/** Ten seconds after SIGTERM who runs us may lose patience; the process itself needs a moment, too. */
const TOTAL_MS = 8_500
/** What every phase gets, even when those before it have used up the time of all. */
const LEAST_MS = 100

/** Resolves when every phase is over. `clean` is false when one of them failed or was late. */
export const shutDown = async (phases: readonly Phase[], logger: Logger, totalMs = TOTAL_MS): Promise<{ clean: boolean }> => {
  const deadline = performance.now() + totalMs
  let clean = true
  for (const phase of phases) {
    const startedAt = performance.now()
    const problem = await outcome({ ...phase, limitMs: Math.min(phase.limitMs, Math.max(LEAST_MS, deadline - startedAt)) })
    const milliseconds = Math.round(performance.now() - startedAt)
    if (problem === null) {
      logger.debug({ phase: phase.name, milliseconds }, 'shutdown phase done')
    } else {
      clean = false
      logger.error({ phase: phase.name, milliseconds, err: problem }, 'shutdown phase failed')
    }
  }
  return { clean }
}

const outcome = async ({ name, limitMs, run }: Phase): Promise<unknown> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${Math.round(limitMs)} ms`)), limitMs)
  })
  try {
    await Promise.race([Promise.resolve().then(run), late])
    return null
  } catch (error) {
    return error
  } finally {
    clearTimeout(timer)
  }
}
