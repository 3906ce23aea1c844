import { expect, test } from 'vitest'
import { MessageLog } from './message-log.ts'

const entry = (id: string, chat = 'a@s.whatsapp.net') => ({
  shown: { id, chat, from: chat, fromMe: false, timestamp: 1, type: 'conversation', text: id, message: {} },
  content: {},
})

test('a reader that waits gets the next message at once', async () => {
  const log = new MessageLog()
  const reading = log.read(0, 60_000)
  log.add(entry('1'))
  expect(await reading).toMatchObject({ cursor: 1, messages: [{ id: '1', cursor: 1 }] })
  expect(await log.read(1, 0)).toEqual({ messages: [], cursor: 1 })
  expect(await log.read(1, 1)).toEqual({ messages: [], cursor: 1 })
})

test('closing releases readers', async () => {
  const log = new MessageLog()
  const reading = log.read(0, 60_000)
  log.releaseReaders()
  expect(await reading).toEqual({ messages: [], cursor: 0 })
})

test('old messages go, cursors stay', async () => {
  const log = new MessageLog(10)
  for (let i = 1; i <= 100; i += 1) log.add(entry(String(i)))
  const { messages, cursor } = await log.read(0, 0)
  expect(messages.length).toBeGreaterThanOrEqual(10)
  expect(messages.length).toBeLessThanOrEqual(12)
  expect([messages.at(-1)?.cursor, cursor]).toEqual([100, 100])
  expect((await log.read(98, 0)).messages.map(({ id }) => id)).toEqual(['99', '100'])
  expect(log.find('a@s.whatsapp.net', '1')).toBeUndefined()
  expect(log.at(99)?.shown.id).toBe('99')
  expect(log.at(1)).toBeUndefined()
})

test('finds what came before a message in its conversation', () => {
  const log = new MessageLog()
  for (const [id, chat] of [
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'a'],
    ['4', 'a'],
  ] as const)
    log.add(entry(id, `${chat}@s.whatsapp.net`))
  const ids = (entries: { shown: { id: string } }[]) => entries.map(({ shown }) => shown.id)
  expect(ids(log.before('a@s.whatsapp.net', '4', 10))).toEqual(['1', '3'])
  expect(ids(log.before('a@s.whatsapp.net', '4', 1))).toEqual(['3'])
  expect(ids(log.newest(2))).toEqual(['3', '4'])
  expect(ids(log.newest(2, 'a@s.whatsapp.net'))).toEqual(['3', '4'])
})
