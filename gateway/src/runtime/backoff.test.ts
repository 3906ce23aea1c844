import { describe, expect, it } from 'vitest'
import { backoffDelay } from './backoff.ts'

describe('Backoff', () => {
  const backoff = { firstMs: 1_000, maxMs: 60_000 }

  it.each([
    [0, 0, 500],
    [0, 0.999_999, 1_000],
    [1, 0, 1_000],
    [3, 0.5, 6_000],
    [6, 0, 30_000],
    [7, 0.999_999, 60_000],
    [5_000, 0.999_999, 60_000],
  ])('after %i failures with chance %d waits %i ms', (failures, chance, expected) => {
    expect(backoffDelay(failures, backoff, () => chance)).toBe(expected)
  })

  it('spreads those who failed together', () => {
    expect(new Set(Array.from({ length: 100 }, () => backoffDelay(4, backoff))).size).toBeGreaterThan(50)
  })
})
