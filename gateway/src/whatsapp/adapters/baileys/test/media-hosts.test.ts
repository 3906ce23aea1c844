import type { BinaryNode } from 'baileys'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { EngineError } from '../../../engine.ts'
import { createMediaHosts } from '../media-hosts.ts'

const answer = (auth: string, ttl = '300'): BinaryNode => ({
  tag: 'iq',
  attrs: { type: 'result' },
  content: [{ tag: 'media_conn', attrs: { auth, ttl }, content: [{ tag: 'host', attrs: { hostname: 'mmg.whatsapp.net' } }] }],
})

/** Answers the questions in order. */
const network = (...answers: (BinaryNode | EngineError)[]) => {
  const asked = vi.fn(async () => {
    const next = answers[asked.mock.calls.length - 1]
    if (next === undefined || next instanceof EngineError) throw next ?? new EngineError('timeout', 'nobody answers')
    return next
  })
  return asked
}

beforeEach(() => {
  vi.useFakeTimers()
  return () => vi.useRealTimers()
})

describe('the hosts for media', () => {
  test('are asked for once, as long as what lets us in is good', async () => {
    const asked = network(answer('one'), answer('two'))
    const hosts = createMediaHosts(asked)
    expect(await Promise.all([hosts(), hosts()])).toEqual(Array(2).fill({ hostnames: ['mmg.whatsapp.net'], auth: 'one' }))
    vi.advanceTimersByTime(299_000)
    expect((await hosts()).auth).toBe('one')
    vi.advanceTimersByTime(2_000)
    expect((await hosts()).auth).toBe('two')
    expect(asked).toHaveBeenCalledTimes(2)
  })

  test('are asked for again where they did not let us in', async () => {
    const hosts = createMediaHosts(network(answer('one'), answer('two')))
    await hosts()
    expect((await hosts(true)).auth).toBe('two')
  })

  test('are asked for again after a question that failed', async () => {
    const hosts = createMediaHosts(network(new EngineError('timeout', 'no answer'), answer('one')))
    await expect(hosts()).rejects.toMatchObject({ code: 'timeout' })
    expect((await hosts()).auth).toBe('one')
  })
})
