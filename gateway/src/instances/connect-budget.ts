/** Lets at most `limit` connects run at a time, in the order they were asked for: after a restart a thousand instances want to be back. */
export interface ConnectBudget {
  /** Resolves with the function that gives the place back (once; more calls do nothing); null when the budget was closed meanwhile. */
  acquire(): Promise<(() => void) | null>
  /** Nobody gets a place any more. */
  close(): void
}

export const createConnectBudget = (limit: number): ConnectBudget => {
  let free = limit
  let closed = false
  /** At most one per instance. */
  const waiting: ((place: (() => void) | null) => void)[] = []

  const place = () => {
    let held = true
    return () => {
      if (!held) return
      held = false
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next(place())
    }
  }

  return {
    async acquire() {
      if (closed) return null
      if (free > 0) {
        free -= 1
        return place()
      }
      return new Promise((resolve) => waiting.push(resolve))
    },
    close() {
      closed = true
      for (const turn of waiting.splice(0)) turn(null)
    },
  }
}
