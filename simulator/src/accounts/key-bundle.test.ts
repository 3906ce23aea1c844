import { expect, test } from 'vitest'
import { KeyBundle } from './key-bundle.ts'

const key = (id: number) => ({ id: Buffer.from([0, 0, id]), value: Buffer.alloc(32, id) })
const keys = (identity: number) => ({
  registration: Buffer.alloc(4),
  identity: Buffer.alloc(32, identity),
  signedPreKey: { ...key(1), signature: Buffer.alloc(64) },
})

test('every one-time prekey is handed out once, oldest first', () => {
  const bundle = new KeyBundle()
  bundle.add([key(1), key(2)])
  expect([bundle.take(), bundle.take(), bundle.take()]).toEqual([key(1), key(2), undefined])
})

test('it says once that it runs low, and again after a refill', () => {
  const bundle = new KeyBundle()
  bundle.add([1, 2, 3, 4, 5].map(key))
  expect(bundle.runsLow()).toBe(false)
  bundle.take()
  expect([bundle.runsLow(), bundle.runsLow()]).toEqual([true, false])
  bundle.add([key(6)])
  bundle.take()
  expect(bundle.runsLow()).toBe(true)
})

test('another identity makes the old prekeys worthless', () => {
  const bundle = new KeyBundle()
  expect(bundle.register(keys(1))).toBe(false)
  bundle.add([key(1)])
  expect(bundle.register(keys(1))).toBe(false)
  expect(bundle.count).toBe(1)
  expect(bundle.register(keys(2))).toBe(true)
  expect(bundle.count).toBe(0)
})
