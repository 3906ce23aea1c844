/** One at a time per key; keys nobody uses cost nothing. */
export const createKeyedLock = () => {
  const last = new Map<string, Promise<unknown>>()
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const before = last.get(key)
    const done = (async () => {
      await before?.catch(() => {})
      return work()
    })()
    last.set(key, done)
    try {
      return await done
    } finally {
      if (last.get(key) === done) last.delete(key)
    }
  }
}
