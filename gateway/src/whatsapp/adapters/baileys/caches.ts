/**
 * Small bounded caches shared by every session of the process. A session sees its own part through a view; what it leaves behind
 * when it ends is pushed out by the others, so ending a session costs nothing and no timer is needed.
 */
import { type BoundedMap, createBoundedMap } from '../../../runtime/bounded-map.ts'

export class SharedCache<Value> {
  readonly #map: BoundedMap<string, Value>

  /** At most this many entries over all sessions. */
  constructor(limit: number) {
    this.#map = createBoundedMap(limit)
  }

  /** The part of one session: the same entries under keys nobody else uses. */
  view(session: string): CacheView<Value> {
    return new CacheView(this.#map, session)
  }

  get size(): number {
    return this.#map.size
  }
}

export class CacheView<Value> {
  readonly #map: BoundedMap<string, Value>
  readonly #prefix: string

  constructor(map: BoundedMap<string, Value>, session: string) {
    this.#map = map
    this.#prefix = `${session}|`
  }

  get(key: string): Value | undefined {
    return this.#map.get(this.#prefix + key)
  }

  set(key: string, value: Value): void {
    this.#map.set(this.#prefix + key, value)
  }

  delete(key: string): void {
    this.#map.delete(this.#prefix + key)
  }
}

/** One of each per process. The limits are entries over all sessions. */
export interface SharedCaches {
  /** Signal sessions and sender keys, some 700 bytes each. */
  signal: SharedCache<Uint8Array>
  /** LID of a number (`n:`) and number of a LID (`l:`). */
  identities: SharedCache<string>
  /** Devices of a user. */
  devices: SharedCache<unknown>
  /** Privacy tokens; null: known to be absent. */
  tokens: SharedCache<unknown>
  /** How often a message was asked for again. */
  retries: SharedCache<unknown>
  calls: SharedCache<unknown>
  /** Messages whose content was asked from the own phone. */
  placeholders: SharedCache<unknown>
  /** Ids of stanzas that could not be decrypted. */
  undecryptable: SharedCache<true>
}

export const createSharedCaches = (): SharedCaches => ({
  signal: new SharedCache(20_000),
  identities: new SharedCache(40_000),
  devices: new SharedCache(20_000),
  tokens: new SharedCache(20_000),
  retries: new SharedCache(10_000),
  calls: new SharedCache(2_000),
  placeholders: new SharedCache(2_000),
  undecryptable: new SharedCache(10_000),
})
