/** A repeatable source of chance: the same seed gives the same numbers, whatever else happens (mulberry32, public domain). */

export interface Random {
  /** At least `low`, below `high`. */
  between(low: number, high: number): number
  /** A whole number, at least `low`, at most `high`. */
  whole(low: number, high: number): number
  /** True once in so many. */
  oneIn(times: number): boolean
  pick<T>(choices: readonly T[]): T
}

export const createRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low: number, high: number) => low + next() * (high - low)
  const whole = (low: number, high: number) => Math.floor(between(low, high + 1))
  return {
    between,
    whole,
    oneIn: (times) => next() * times < 1,
    pick<T>(choices: readonly T[]): T {
      if (choices.length === 0) throw new Error('nothing to choose from')
      return choices[Math.floor(next() * choices.length)] as T
    },
  }
}
