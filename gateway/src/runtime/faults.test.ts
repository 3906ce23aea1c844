import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { z } from 'zod'

const program = fileURLToPath(new URL('test/faulty.ts', import.meta.url))
const line = z.object({
  level: z.number(),
  msg: z.string(),
  dropped: z.number().optional(),
  err: z.object({ message: z.string().optional() }).optional(),
})

/** Runs it over a pipe, as service managers do, which is read as late as they may. */
const run = async (fault: 'dropped' | 'thrown' | 'flood', { readAfterMs = 0 } = {}) => {
  const child = spawn(process.execPath, [program, fault], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.pause()
  if (readAfterMs > 0) await once(child.stdout, 'readable').then(() => setTimeout(readAfterMs))
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const lines = output.trim().split('\n')
  return { code, logged: lines.map((one) => line.parse(JSON.parse(one))) }
}

it('a dropped promise is logged, and the process goes on', async () => {
  const { code, logged } = await run('dropped')
  expect(code).toBe(0)
  expect(logged.filter(({ msg }) => msg === 'before')).toHaveLength(2_000)
  const dropped = logged.filter(({ msg }) => msg === 'unhandledRejection')
  expect(dropped.map(({ level, err }) => [level, err?.message])).toEqual([
    [50, 'on purpose'],
    [50, 'on purpose'],
    [50, undefined],
  ])
  expect(logged.at(-1)?.msg).toBe('after')
})

it.each([0, 300])(
  'an exception nobody caught ends the process with code 1, after everything is in the log, read %i ms late',
  async (readAfterMs) => {
    const { code, logged } = await run('thrown', { readAfterMs })
    expect(code).toBe(1)
    expect(logged.filter(({ msg }) => msg === 'before')).toHaveLength(2_000)
    expect(logged).toContainEqual({ level: 60, msg: 'uncaughtException', err: { message: 'on purpose' } })
  },
)

it('of what nobody reads a part is kept in memory; the rest is dropped in whole lines, and counted', async () => {
  const { code, logged } = await run('flood', { readAfterMs: 300 })
  expect(code).toBe(0)
  const kept = logged.filter(({ msg }) => msg === 'before').length
  const [told, ...more] = logged.flatMap(({ dropped = [] }) => dropped)
  expect(more).toEqual([])
  expect(kept).toBeLessThan(150_000)
  expect(kept + Number(told)).toBe(150_000)
  expect(logged.at(-1)?.msg).toBe('after')
})

it.each([
  ['none', 0],
  ['thrown', 1],
] as const)('a log that nobody reads any more changes nothing: %s', async (fault, code) => {
  const child = spawn(process.execPath, [program, fault], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.destroy()
  expect(await once(child, 'exit')).toEqual([code, null])
})
