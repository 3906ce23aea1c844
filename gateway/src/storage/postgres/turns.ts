/** Work that runs side by side, and work that has to have the place to itself. Who waits too long for it throws `StoreUnavailableError`. */
import { StoreUnavailableError } from '../errors.ts'

export interface Turns {
  /** Beside others of its kind. */
  together<T>(work: () => Promise<T>): Promise<T>
  /** When everything under way is done; what comes later waits until this is. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

/** `patienceMs`: how long a work may wait for its turn. It is not run after that. */
export const createTurns = (patienceMs: number): Turns => {
  const underWay = new Set<Promise<unknown>>()
  /** Ends with the last of those who want to be alone; null when nobody does. */
  let lonely: Promise<unknown> | null = null

  return {
    async together(work) {
      const deadline = performance.now() + patienceMs
      while (lonely !== null) await within(deadline, lonely)
      const running = work()
      const settled = running.catch(() => {})
      underWay.add(settled)
      try {
        return await running
      } finally {
        underWay.delete(settled)
      }
    },
    async alone(work) {
      const before = lonely
      const turn = (async () => {
        await before
        await Promise.all(underWay)
      })()
      const running = within(performance.now() + patienceMs, turn).then(work)
      // Who gave up waiting does not end the turn of those it waited for.
      const over: Promise<unknown> = Promise.allSettled([before, running]).then(() => {
        if (lonely === over) lonely = null
      })
      lonely = over
      return running
    },
  }
}

const within = async (deadline: number, turn: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailableError('No turn to write was to be had in time')), deadline - performance.now())
  })
  try {
    await Promise.race([turn, late])
  } finally {
    clearTimeout(timer)
  }
}
