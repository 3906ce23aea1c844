/**
 * Small bounded caches shared by every session of the process. A session sees its own part through a view; what it leaves behind
 * when it ends is pushed out by the others, so ending a session costs nothing and no timer is needed.
 */
import { type BoundedMap, createBoundedMap } from '../../../runtime/bounded-map.ts'

/** The part of one session: the shared map under keys nobody else uses. */
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
  signal: BoundedMap<string, Uint8Array>
  /** LID of a number (`n:`) and number of a LID (`l:`). */
  identities: BoundedMap<string, string>
  /** Devices of a user. */
  devices: BoundedMap<string, unknown>
  /** Privacy tokens; null: known to be absent. */
  tokens: BoundedMap<string, unknown>
  /** How often a message was asked for again. */
  retries: BoundedMap<string, unknown>
  calls: BoundedMap<string, unknown>
  /** Messages whose content was asked from the own phone. */
  placeholders: BoundedMap<string, unknown>
  /** Ids of stanzas that could not be decrypted. */
  undecryptable: BoundedMap<string, true>
}

export const createSharedCaches = (): SharedCaches => ({
  signal: createBoundedMap(20_000),
  identities: createBoundedMap(40_000),
  devices: createBoundedMap(20_000),
  tokens: createBoundedMap(20_000),
  retries: createBoundedMap(10_000),
  calls: createBoundedMap(2_000),
  placeholders: createBoundedMap(2_000),
  undecryptable: createBoundedMap(10_000),
})
