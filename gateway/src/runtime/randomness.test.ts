import { expect, it } from 'vitest'
import { randomness } from './randomness.ts'

it('is never the same twice, over more than one stock, and never what was wiped', () => {
  const seen = new Set<string>()
  for (let n = 0; n < 2_000; n += 1) {
    const bytes = randomness(16)
    expect(bytes).toHaveLength(16)
    seen.add(bytes.toString('hex'))
  }
  expect(seen.size).toBe(2_000)
  expect(seen.has('0'.repeat(32))).toBe(false)
})

it('comes in any length', () => {
  for (const length of [0, 1, 4_095, 4_096, 4_097, 100_000]) expect(randomness(length)).toHaveLength(length)
  expect(
    randomness(100_000)
      .subarray(-64)
      .every((byte) => byte === 0),
  ).toBe(false)
})
