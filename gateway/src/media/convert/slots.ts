/** How many conversions run at once; the others wait in line, a bounded number of them. */
import { mediaErrors } from '../media-errors.ts'

export interface Slots {
  /** Throws 429 when too many wait already, and the signal's reason when the caller has gone before its turn. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

export const createSlots = (count: number, longestLine: number): Slots => {
  let running = 0
  const waiting: { start(): void }[] = []

  const turn = (signal: AbortSignal | undefined): Promise<void> | undefined => {
    signal?.throwIfAborted()
    if (running < count) {
      running++
      return undefined
    }
    if (waiting.length >= longestLine) throw mediaErrors.busy()
    return new Promise((resolve, reject) => {
      const place = {
        start() {
          signal?.removeEventListener('abort', leave)
          resolve()
        },
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(place), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', leave, { once: true })
      waiting.push(place)
    })
  }

  return {
    async run(work, signal) {
      await turn(signal)
      try {
        return await work()
      } finally {
        // Whoever is next takes over our place, so `running` stays.
        const next = waiting.shift()
        if (next === undefined) running--
        else next.start()
      }
    },
  }
}
