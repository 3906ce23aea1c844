import { expect, it } from 'vitest'
import { StoreUnavailableError } from '../errors.ts'
import { createTurns } from './turns.ts'

it('who is alone waits for those under way, and those who come later wait for him', async () => {
  const turns = createTurns(60_000)
  const told: string[] = []
  const gates = new Map<string, () => void>()
  const work = (name: string) => () =>
    new Promise<void>((resolve) => {
      told.push(`${name} begins`)
      gates.set(name, () => {
        told.push(`${name} ends`)
        resolve()
      })
    })
  const end = async (name: string) => {
    await expect.poll(() => gates.has(name)).toBe(true)
    gates.get(name)?.()
  }
  const all = [
    turns.together(work('a')),
    turns.together(work('b')),
    turns.alone(work('first alone')),
    turns.alone(work('second alone')),
    turns.together(work('c')),
  ]
  for (const name of ['b', 'a', 'first alone', 'second alone', 'c']) await end(name)
  await Promise.all(all)
  expect(told.filter((line) => line.endsWith('begins'))).toEqual(
    ['a', 'b', 'first alone', 'second alone', 'c'].map((name) => `${name} begins`),
  )
  expect(told.indexOf('a ends')).toBeLessThan(told.indexOf('first alone begins'))
  expect(told.indexOf('first alone ends')).toBeLessThan(told.indexOf('second alone begins'))
  expect(told.indexOf('second alone ends')).toBeLessThan(told.indexOf('c begins'))
})

it('a failure is its own and holds up nobody', async () => {
  const turns = createTurns(60_000)
  const fails = () => Promise.reject(new Error('on purpose'))
  await expect(turns.together(fails)).rejects.toThrow('on purpose')
  await expect(turns.alone(fails)).rejects.toThrow('on purpose')
  expect(await turns.together(async () => 'well')).toBe('well')
  expect(await turns.alone(async () => 'well')).toBe('well')
})

it('who waits too long for a turn is told so, and is not run after all; nobody gets in beside who is alone', async () => {
  const turns = createTurns(50)
  const told: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = turns.alone(async () => {
    told.push('first begins')
    await gate.promise
    told.push('first ends')
  })
  await expect.poll(() => told).toEqual(['first begins'])
  const late = [turns.alone(async () => told.push('second')), turns.together(async () => told.push('third'))]
  for (const one of late) await expect(one).rejects.toThrow(StoreUnavailableError)
  const next = turns.together(async () => told.push('fourth'))
  gate.resolve()
  await Promise.all([first, next])
  expect(told).toEqual(['first begins', 'first ends', 'fourth'])
})
