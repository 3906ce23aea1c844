import { describe, expect, it } from 'vitest'
import { createLogger } from '../../runtime/logging.ts'
import type { Group } from '../../whatsapp/groups.ts'
import { createNamelessGroups } from '../nameless-groups.ts'

/** WhatsApp answers when `answer` is called, one question after the other. */
const begin = () => {
  let now = 1_000
  const asked: string[] = []
  let waiting: PromiseWithResolvers<Group> | undefined
  const read = (group: string): Promise<Group> => {
    asked.push(group)
    waiting = Promise.withResolvers()
    return waiting.promise
  }
  const session = () => ({ groups: { read } }) as never
  const groups = createNamelessGroups({ session, clock: { now: () => now }, logger: createLogger('silent') })
  return {
    groups,
    asked,
    answer: async () => {
      waiting?.reject(new Error('not today'))
      await new Promise(setImmediate)
    },
    later: (ms: number) => {
      now += ms
    },
  }
}

describe('A group without a name', () => {
  it('is asked for at once, then once a minute at most', async () => {
    const { groups, asked, answer, later } = begin()
    for (let n = 0; n < 10; n++) groups.met('i', 'a')
    await answer()
    groups.met('i', 'a')
    expect(asked).toEqual(['a'])
    later(60_000)
    groups.met('i', 'a')
    expect(asked).toEqual(['a', 'a'])
  })

  it('waits for the one before it; another instance does not', async () => {
    const { groups, asked, answer } = begin()
    for (const group of ['a', 'b', 'c']) groups.met('i', group)
    expect(asked).toEqual(['a'])
    await answer()
    expect(asked).toEqual(['a', 'b'])
    groups.met('j', 'x')
    expect(asked).toEqual(['a', 'b', 'x'])
  })

  it('waits in a line of a hundred, and not at all once its instance is gone', async () => {
    const { groups, asked, answer } = begin()
    for (let n = 0; n < 500; n++) groups.met('i', `group ${n}`)
    for (let n = 0; n < 150; n++) await answer()
    expect(asked).toHaveLength(100)
    for (let n = 0; n < 5; n++) groups.met('j', `group ${n}`)
    groups.forget('j')
    await answer()
    expect(asked).toHaveLength(101)
  })
})
