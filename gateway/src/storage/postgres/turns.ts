/** Work that runs side by side, and work that has to have the place to itself. */
export interface Turns {
  /** Beside others of its kind. */
  together<T>(work: () => Promise<T>): Promise<T>
  /** When everything under way is done; what comes later waits until this is. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

export const createTurns = (): Turns => {
  const underWay = new Set<Promise<unknown>>()
  /** Ends with the last of those who want to be alone; null when nobody does. */
  let lonely: Promise<unknown> | null = null

  return {
    async together(work) {
      while (lonely !== null) await lonely
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
      const running = (async () => {
        await before
        await Promise.all(underWay)
        return work()
      })()
      const settled = running.catch(() => {})
      lonely = settled
      try {
        return await running
      } finally {
        if (lonely === settled) lonely = null
      }
    },
  }
}
