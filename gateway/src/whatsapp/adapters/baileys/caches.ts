/**
 * Small bounded caches shared by every session of the process. A session sees its own part through a view; what it leaves behind
 * when it ends is pushed out by the others, so ending a session costs nothing and no timer is needed.
 */

/** Least recently used entries leave first; an entry older than `maxAgeMs` counts as absent. */
export class BoundedMap<Value> {
  readonly #entries = new Map<string, { value: Value; since: number }>()
  readonly #limit: number
  readonly #maxAgeMs: number

  constructor(limit: number, maxAgeMs: number = Number.POSITIVE_INFINITY) {
    this.#limit = limit
    this.#maxAgeMs = maxAgeMs
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    if (this.#maxAgeMs !== Number.POSITIVE_INFINITY && Date.now() - entry.since > this.#maxAgeMs) return undefined
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, since: this.#maxAgeMs === Number.POSITIVE_INFINITY ? 0 : Date.now() })
    if (this.#entries.size <= this.#limit) return
    const oldest = this.#entries.keys().next()
    if (!oldest.done) this.#entries.delete(oldest.value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  /** The part of one session: the same map under keys nobody else uses. */
  view(prefix: string): CacheView<Value> {
    return new CacheView(this, `${prefix}|`)
  }
}

export class CacheView<Value> {
  readonly #map: BoundedMap<Value>
  readonly #prefix: string

  constructor(map: BoundedMap<Value>, prefix: string) {
    this.#map = map
    this.#prefix = prefix
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
  signal: BoundedMap<Uint8Array>
  /** LID of a number (`n:`) and number of a LID (`l:`). */
  identities: BoundedMap<string>
  /** Devices of a user. */
  devices: BoundedMap<unknown>
  /** Privacy tokens; null: known to be absent. */
  tokens: BoundedMap<unknown>
  /** How often a message was asked for again. */
  retries: BoundedMap<unknown>
  calls: BoundedMap<unknown>
  /** Messages whose content was asked from the own phone. */
  placeholders: BoundedMap<unknown>
  /** Ids of stanzas that could not be decrypted. */
  undecryptable: BoundedMap<true>
}

const HOUR = 3_600_000

export const createSharedCaches = (): SharedCaches => ({
  signal: new BoundedMap(20_000),
  identities: new BoundedMap(40_000),
  devices: new BoundedMap(20_000),
  tokens: new BoundedMap(20_000),
  retries: new BoundedMap(10_000, HOUR),
  calls: new BoundedMap(2_000, HOUR),
  placeholders: new BoundedMap(2_000, HOUR),
  undecryptable: new BoundedMap(10_000, HOUR),
})
