import { describe, expect, it } from 'vitest'
import { createLogger } from './logging.ts'
import { type Phase, shutDown } from './shutdown.ts'

const logger = createLogger('silent')

describe('Shutting down', () => {
  it('runs the phases one after the other', async () => {
    const seen: string[] = []
    const phase = (name: string): Phase => ({
      name,
      limitMs: 1000,
      run: async () => {
        seen.push(`${name} begins`)
        await new Promise((resolve) => setImmediate(resolve))
        seen.push(`${name} ends`)
      },
    })
    expect(await shutDown([phase('a'), phase('b')], logger)).toEqual({ clean: true })
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  })

  it('goes on after a phase that throws, fails or is late', async () => {
    const seen: string[] = []
    const { clean } = await shutDown(
      [
        {
          name: 'throws',
          limitMs: 1000,
          run: () => {
            throw new Error('at once')
          },
        },
        { name: 'fails', limitMs: 1000, run: () => Promise.reject(new Error('later')) },
        { name: 'is late', limitMs: 10, run: () => new Promise(() => {}) },
        { name: 'works', limitMs: 1000, run: () => void seen.push('works') },
      ],
      logger,
    )
    expect(clean).toBe(false)
    expect(seen).toEqual(['works'])
  })

  it('phases that are all late end when the time of all is over, and each has begun', async () => {
    const begun: number[] = []
    const hangs = (n: number): Phase => ({ name: `phase ${n}`, limitMs: 60_000, run: () => new Promise(() => void begun.push(n)) })
    expect(await shutDown([hangs(1), hangs(2), hangs(3)], logger, 200)).toEqual({ clean: false })
    expect(begun).toEqual([1, 2, 3])
  })
})
