/** LID ⇄ number without durability, for tests. */
import type { IdentityStore } from '../engine.ts'

export class MemoryIdentityStore implements IdentityStore {
  readonly #lids = new Map<string, string>()
  readonly #numbers = new Map<string, string>()

  async lidsOf(numbers: readonly string[]): Promise<Map<string, string>> {
    return pick(this.#lids, numbers)
  }

  async numbersOf(lids: readonly string[]): Promise<Map<string, string>> {
    return pick(this.#numbers, lids)
  }

  async learn(pairs: readonly { number: string; lid: string }[]): Promise<void> {
    for (const { number, lid } of pairs) {
      this.#numbers.delete(this.#lids.get(number) ?? '')
      this.#lids.delete(this.#numbers.get(lid) ?? '')
      this.#lids.set(number, lid)
      this.#numbers.set(lid, number)
    }
  }
}

const pick = (from: ReadonlyMap<string, string>, keys: readonly string[]): Map<string, string> => {
  const found = new Map<string, string>()
  for (const key of keys) {
    const value = from.get(key)
    if (value !== undefined) found.set(key, value)
  }
  return found
}
