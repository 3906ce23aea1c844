/**
 * Stopping in order: named phases, each with a time limit. A phase that fails or is late is logged and the next one begins: whatever
 * happens, the process ends in time.
 */
import type { Logger } from './logging.ts'

export interface Phase {
  name: string
  limitMs: number
  run(): Promise<void> | void
}

/** Resolves when every phase is over. `clean` is false when one of them failed or was late. */
export const shutDown = async (phases: readonly Phase[], logger: Logger): Promise<{ clean: boolean }> => {
  let clean = true
  for (const phase of phases) {
    const startedAt = performance.now()
    const problem = await outcome(phase)
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
    timer = setTimeout(() => reject(new Error(`${name} took longer than ${limitMs} ms`)), limitMs)
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
