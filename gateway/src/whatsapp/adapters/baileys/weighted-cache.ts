/**
 * A cache shared by all sessions whose bound is not in entries but in what they hold, for entries that are small or a thousand times larger: lists
 * of the people in a group. What was used longest ago makes room.
 */
export class WeightedCache<Value> {
  readonly #entries = new Map<string, { value: Value; weight: number }>()
  readonly #limit: number
  readonly #weightOf: (value: Value) => number
  #weight = 0

  constructor(limit: number, weightOf: (value: Value) => number) {
    this.#limit = limit
    this.#weightOf = weightOf
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    // A Map keeps the order of insertion; put back at the end it is the most recently used.
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, value: Value): void {
    this.delete(key)
    const entry = { value, weight: this.#weightOf(value) }
    this.#entries.set(key, entry)
    this.#weight += entry.weight
    for (const oldest of this.#entries.keys()) {
      if (this.#weight <= this.#limit) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#weight -= entry.weight
  }

  /** Everything under keys that begin like this. */
  drop(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.delete(key)
  }

  /** Of all entries. */
  get weight(): number {
    return this.#weight
  }
}
