/**
 * Which devices have our sender key of a group (Baileys' `sender-key-memory`). Baileys reads and rewrites the whole list with every message, a
 * thousand devices of which none is new: it is read from memory here, and written only when it says something new.
 */
import type { WeightedCache } from './weighted-cache.ts'

/** By device JID. */
export type Holders = { [device: string]: boolean }

export class KeyHolders {
  readonly #cache: WeightedCache<Holders>
  readonly #prefix: string

  /** `prefix`: of this connection, nobody else's lists are under it. */
  constructor(cache: WeightedCache<Holders>, prefix: string) {
    this.#cache = cache
    this.#prefix = prefix
  }

  /** A copy, since Baileys writes into what it reads before anything is sent. */
  get(group: string): Holders | undefined {
    const known = this.#cache.get(this.#key(group))
    return known === undefined ? undefined : { ...known }
  }

  /** Nobody is ever taken off a list, so one of the same length is the same. */
  isKnown(group: string, holders: Holders): boolean {
    const known = this.#cache.get(this.#key(group))
    return known !== undefined && Object.keys(known).length === Object.keys(holders).length
  }

  /** What is stored. */
  note(group: string, holders: Holders): void {
    this.#cache.set(this.#key(group), { ...holders })
  }

  forget(group: string): void {
    this.#cache.delete(this.#key(group))
  }

  #key(group: string): string {
    return `${this.#prefix}|${group}`
  }
}

/** Of one list; an empty one takes room too. */
export const weightOfHolders = (holders: Holders): number => Object.keys(holders).length + 4
