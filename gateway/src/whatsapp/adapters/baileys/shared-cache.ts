/**
 * A small bounded cache shared by every session of the process. A session sees its own part through a view; what it leaves behind
 * when it ends is pushed out by the others, so ending a session costs nothing and no timer is needed; of a deleted instance it is dropped.
 */
import { type BoundedMap, createBoundedMap, dropPrefix } from '../../../runtime/bounded-map.ts'

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

  /** Everything whose session's name begins like this. */
  drop(prefix: string): void {
    dropPrefix(this.#map, prefix)
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
