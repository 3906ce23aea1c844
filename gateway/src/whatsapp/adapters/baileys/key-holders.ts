/**
 * Which devices have our sender key of a group (Baileys' `sender-key-memory`). Baileys reads and rewrites the whole list with every message, a
 * thousand devices of which none is new: it is read from memory here, and written only when it says something new.
 */
import type { WeightedCache } from './weighted-cache.ts'

/** By device JID. */
export type Holders = { [device: string]: boolean }

/** What stands behind a view that Baileys was given. */
const views = new WeakMap<Holders, { known: ReadonlySet<string>; fresh: Holders }>()

export class KeyHolders {
  readonly #cache: WeightedCache<ReadonlySet<string>>
  readonly #prefix: string

  /** `prefix`: of this connection, nobody else's lists are under it. */
  constructor(cache: WeightedCache<ReadonlySet<string>>, prefix: string) {
    this.#cache = cache
    this.#prefix = prefix
  }

  /**
   * Baileys writes into what it reads before anything is sent, so it gets a view that keeps what is written apart; copying an object of a thousand
   * names takes V8 ten milliseconds.
   */
  get(group: string): Holders | undefined {
    const known = this.#cache.get(this.#key(group))
    if (known === undefined) return undefined
    const fresh: Holders = {}
    const view = new Proxy(fresh, {
      get: (own, device) => (typeof device === 'string' && known.has(device) ? true : Reflect.get(own, device)),
    })
    views.set(view, { known, fresh })
    return view
  }

  /** The whole list, to be stored; null when it says nothing new. Nobody is ever taken off a list. */
  news(holders: Holders): Holders | null {
    const view = views.get(holders)
    if (view === undefined) return holders
    const fresh = Object.keys(view.fresh).filter((device) => !view.known.has(device))
    return fresh.length === 0 ? null : Object.fromEntries([...view.known, ...fresh].map((device) => [device, true]))
  }

  /** What is stored. */
  note(group: string, holders: Holders): void {
    this.#cache.set(this.#key(group), new Set(Object.keys(holders)))
  }

  forget(group: string): void {
    this.#cache.delete(this.#key(group))
  }

  #key(group: string): string {
    return `${this.#prefix}|${group}`
  }
}

/** Of one list; an empty one takes room too. */
export const weightOfHolders = ({ size }: ReadonlySet<string>): number => size + 4
