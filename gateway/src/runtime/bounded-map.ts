/** A cache that cannot grow without end: the entry used longest ago makes room for a new one. */

export interface BoundedMap<K, V> {
  get(key: K): V | undefined
  set(key: K, value: V): void
  delete(key: K): void
  keys(): Iterable<K>
  readonly size: number
}

export const createBoundedMap = <K, V>(limit: number): BoundedMap<K, V> => {
  const entries = new Map<K, V>()
  return {
    get(key) {
      const value = entries.get(key)
      // Nothing makes room while there is plenty of it, and a message to a group looks up a thousand people.
      if (value !== undefined && entries.size * 2 > limit) {
        // A Map keeps the order of insertion; put back at the end it is the most recently used.
        entries.delete(key)
        entries.set(key, value)
      }
      return value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size <= limit) return
      for (const oldest of entries.keys()) {
        entries.delete(oldest)
        return
      }
    },
    delete: (key) => void entries.delete(key),
    keys: () => entries.keys(),
    get size() {
      return entries.size
    },
  }
}

/** What is kept of one instance among all the others goes: its keys begin with `prefix`. Looks at every key, so it is for a deletion and nothing that happens often. */
export const dropPrefix = ({ keys, delete: drop }: Pick<BoundedMap<string, unknown>, 'keys' | 'delete'>, prefix: string): void => {
  for (const key of keys()) if (key.startsWith(prefix)) drop(key)
}
