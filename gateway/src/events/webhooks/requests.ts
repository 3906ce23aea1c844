/** How many requests are under way. A webhook's first one never waits for those of others, so a limit that slow receivers fill stops nobody. */

export interface Requests {
  /** Runs a request of this webhook as soon as there is room for it. */
  run<T>(webhookId: string, request: () => Promise<T>): Promise<T>
}

export const createRequests = (limit: number): Requests => {
  const underWay = new Map<string, number>()
  const waiting: { webhookId: string; go(): void }[] = []
  let total = 0

  const begin = (webhookId: string): void => {
    total++
    underWay.set(webhookId, (underWay.get(webhookId) ?? 0) + 1)
  }

  const end = (webhookId: string): void => {
    total--
    const left = (underWay.get(webhookId) ?? 0) - 1
    if (left > 0) underWay.set(webhookId, left)
    else underWay.delete(webhookId)
    // One that has become its webhook's first need not wait any longer.
    const next = total < limit ? 0 : left > 0 ? -1 : waiting.findIndex((one) => one.webhookId === webhookId)
    const [released] = next < 0 ? [] : waiting.splice(next, 1)
    if (released === undefined) return
    begin(released.webhookId)
    released.go()
  }

  return {
    async run(webhookId, request) {
      if (total < limit || !underWay.has(webhookId)) begin(webhookId)
      else await new Promise<void>((go) => waiting.push({ webhookId, go }))
      try {
        return await request()
      } finally {
        end(webhookId)
      }
    },
  }
}
