import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createRequests } from '../webhooks/requests.ts'

const begin = (limit: number) => {
  const requests = createRequests(limit)
  const started: string[] = []
  const underWay = new Map<string, () => void>()
  const run = (name: string) => {
    const webhook = name.charAt(0)
    return requests.run(webhook, () => {
      started.push(name)
      return new Promise<void>((resolve) => underWay.set(name, resolve))
    })
  }
  const finish = async (name: string) => {
    underWay.get(name)?.()
    await nextTurn()
  }
  return { run, finish, started }
}

describe('Requests under way', () => {
  it('wait for room, in the order they came', async () => {
    const { run, finish, started } = begin(2)
    for (const name of ['a1', 'a2', 'a3', 'a4']) void run(name)
    expect(started).toEqual(['a1', 'a2'])
    await finish('a2')
    expect(started).toEqual(['a1', 'a2', 'a3'])
    await finish('a1')
    expect(started).toEqual(['a1', 'a2', 'a3', 'a4'])
  })

  it('never keep the first one of another webhook waiting', async () => {
    const { run, finish, started } = begin(1)
    for (const name of ['a1', 'a2', 'b1', 'b2', 'c1']) void run(name)
    expect(started).toEqual(['a1', 'b1', 'c1'])
    // More than the limit are under way, but b has none any more.
    await finish('b1')
    expect(started).toEqual(['a1', 'b1', 'c1', 'b2'])
    await finish('c1')
    expect(started).toHaveLength(4)
    await finish('b2')
    await finish('a1')
    expect(started).toEqual(['a1', 'b1', 'c1', 'b2', 'a2'])
  })

  it('make room when they fail', async () => {
    const requests = createRequests(1)
    await expect(
      requests.run('a', async () => {
        throw new Error('refused')
      }),
    ).rejects.toThrow('refused')
    expect(await requests.run('a', async () => 'next')).toBe('next')
  })
})
