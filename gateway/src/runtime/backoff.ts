/** How long to wait before trying again: twice as long each time, up to a limit, and never in step with everybody else. */
export interface Backoff {
  /** Longest wait before the first retry, milliseconds. */
  firstMs: number
  /** No wait is longer, milliseconds. */
  maxMs: number
}

/**
 * Milliseconds to wait after `failures` failures in a row (0 = this is the first retry). Half of it is fixed, half is chance, so that a
 * thousand instances which lost their connection together do not come back together. `random` gives 0 ≤ x < 1.
 */
export const backoffDelay = (failures: number, { firstMs, maxMs }: Backoff, random: () => number = Math.random): number => {
  // The exponent is bounded because 2 ** 1024 is Infinity, and Infinity * 0 is no time at all.
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30))
  return Math.round(full / 2 + (full / 2) * random())
}
