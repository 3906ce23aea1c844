import { expect, test } from 'vitest'
import { Seed } from '../seed.ts'
import { Directory, DirectoryError } from './directory.ts'

const person = (number: string) => ({ number, name: '', business: false, createdAt: 0 })

test('one seed gives everybody the same LID every time, another seed another', () => {
  const lids = ['seed', 'seed', 'other'].map((seed) => new Directory(new Seed(seed)).create(person('5511900000001')).lid)
  expect(lids[0]).toBe(lids[1])
  expect(lids[0]).not.toBe(lids[2])
  expect(lids[0]).toMatch(/^1\d{14}@lid$/)
})

test('people and devices are found by number and by LID', () => {
  const directory = new Directory(new Seed('x'))
  const account = directory.create(person('5511900000001'))
  expect(directory.resolve(account.jid)).toEqual({ account, server: 's.whatsapp.net', deviceId: undefined })
  expect(directory.resolve(account.lid.replace('@', ':3@'))).toEqual({ account, server: 'lid', deviceId: 3 })
  expect(directory.device(account.lid)).toBe(account.phone)
  for (const jid of ['5511900000002@s.whatsapp.net', 'x', '', undefined, '1@g.us', 's.whatsapp.net', `${account.number}:x@lid`]) {
    expect(directory.resolve(jid)).toBeUndefined()
  }
})

test('a number exists once', () => {
  const directory = new Directory(new Seed('x'))
  directory.create(person('5511900000001'))
  expect(() => directory.create(person('5511900000001'))).toThrow(DirectoryError)
})

test('device numbers go round, key indices only up', () => {
  const account = new Directory(new Seed('x')).create(person('5511900000001'))
  const reserved = Array.from({ length: 100 }, () => account.reserveDevice())
  expect(reserved.map(({ id }) => id).slice(95)).toEqual([96, 97, 98, 1, 2])
  expect(reserved.at(-1)?.keyIndex).toBe(100)
})
