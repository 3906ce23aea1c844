import { beforeEach, describe, expect, it } from 'vitest'
import { addressKey, createRateLimit } from '../rate-limit.ts'
import { type Harness, openHarness, refused, sampleOperations, tokens } from './harness.ts'

describe('The rate limit', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await openHarness()
  })
  const list = (token: string) => harness.call('GET', '/api/sample/list', { token })
  const nextMinute = () => {
    harness.at.now += 60_000
  }

  it('lets exactly the limit through, however many come at once', async () => {
    const answers = await Promise.all(Array.from({ length: 150 }, () => list(tokens.ada)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100)
    const late = answers.filter(({ status }) => status === 429)
    expect(late).toHaveLength(50)
    expect(late[0]?.body).toEqual(refused('Rate limit exceeded. Try again later.'))
    const remaining = answers.filter(({ status }) => status === 200).map(({ headers }) => Number(headers['x-ratelimit-remaining']))
    expect(remaining.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  it('begins anew on the full minute and tells when that is', async () => {
    const reset = Date.UTC(2026, 0, 1, 10, 1, 0) / 1000
    expect((await list(tokens.ada)).headers).toMatchObject({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '99',
      'x-ratelimit-reset': String(reset),
    })
    await Promise.all(Array.from({ length: 100 }, () => list(tokens.ada)))
    const limited = await list(tokens.ada)
    expect(limited.headers).toMatchObject({
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(reset),
      'retry-after': '30',
    })
    harness.at.now = reset * 1000 - 1
    expect((await list(tokens.ada)).status).toBe(429)
    harness.at.now = reset * 1000
    expect((await list(tokens.ada)).headers).toMatchObject({ 'x-ratelimit-remaining': '99', 'x-ratelimit-reset': String(reset + 60) })
  })

  it('is per token: instances and accounts do not use up each other', async () => {
    await Promise.all(Array.from({ length: 100 }, () => list(tokens.ada)))
    expect((await list(tokens.ada)).status).toBe(429)
    expect((await list(tokens.shop)).status).toBe(200)
    expect((await list(tokens.desk)).headers['x-ratelimit-remaining']).toBe('99')
  })

  it('follows the numbers of the account', async () => {
    const ada = harness.world.accounts[0] ?? expect.fail()
    ada.requestsPerMinute = 2
    expect((await list(tokens.shop)).headers['x-ratelimit-limit']).toBe('2')
    await list(tokens.shop)
    expect((await list(tokens.shop)).status).toBe(429)
  })

  it('counts creations apart, and in the general bucket too', async () => {
    const create = () => harness.call('POST', '/api/sample/new', { token: tokens.ada, body: {} })
    expect((await create()).headers).toMatchObject({ 'x-ratelimit-limit': '20', 'x-ratelimit-remaining': '19' })
    await Promise.all(Array.from({ length: 19 }, create))
    expect(await create()).toMatchObject({ status: 429, headers: { 'x-ratelimit-limit': '20', 'retry-after': '30' } })
    expect((await list(tokens.ada)).headers['x-ratelimit-remaining']).toBe(String(100 - 21 - 1))
  })

  it('sends its headers with every answer to a token, errors included', async () => {
    const answers = [
      await harness.call('GET', '/api/sample/read/nowhere', { token: tokens.ada }),
      await harness.call('GET', '/api/sample/read/', { token: tokens.ada }),
      await harness.call('GET', '/api/sample/read/shop', { token: tokens.desk }),
      await harness.call('DELETE', '/api/sample/remove/shop', { token: tokens.shop }),
      await harness.call('GET', '/api/sample/list', { token: tokens.suspended }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([404, 400, 403, 401, 403])
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ 'x-ratelimit-limit': '100', 'x-ratelimit-reset': expect.any(String) })
    }
  })

  it('slows guessing: past the limit an address is told nothing, right or wrong', async () => {
    await list(tokens.bob)
    const guesses = await Promise.all(Array.from({ length: 120 }, (_, index) => list(`a-guess-that-is-wrong-${index}`)))
    expect(guesses.filter(({ status }) => status === 401)).toHaveLength(100)
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(20)
    const before = harness.world.lookUps
    expect((await list(tokens.ada)).status).toBe(429)
    expect((await harness.call('GET', '/api/sample/list')).status).toBe(429)
    expect(harness.world.lookUps).toBe(before)
    // A token that was in use before is not held up by the neighbour's guesses.
    expect((await list(tokens.bob)).status).toBe(200)
    nextMinute()
    expect((await list(tokens.ada)).status).toBe(200)
  })

  it('counts guesses that come at once like those that come one by one: the right one among too many is not told', async () => {
    const answers = await Promise.all([
      ...Array.from({ length: 100 }, (_, index) => list(`a-guess-that-is-wrong-${index}`)),
      list(tokens.ada),
    ])
    expect(answers.at(-1)?.status).toBe(429)
  })

  it('slows guessing the administrator’s token too, and never keeps out the administrator', async () => {
    const operations = [
      { ...(sampleOperations[2] ?? expect.fail()), token: 'admin' as const, handle: async () => ({ status: 200, body: {} }) },
    ]
    const { call, at } = await openHarness({ operations })
    const admin = (token: string) => call('GET', '/api/sample/list', { token })
    const guess = () => Promise.all(Array.from({ length: 101 }, (_, index) => admin(`a-guess-that-is-wrong-${index}`)))
    expect((await guess()).filter(({ status }) => status === 401)).toHaveLength(100)
    expect((await admin(tokens.admin)).status).toBe(429)
    at.now += 60_000
    expect((await admin(tokens.admin)).status).toBe(200)
    await guess()
    expect((await admin(tokens.admin)).status).toBe(200)
  })

  it('costs nothing for those who know theirs', async () => {
    await Promise.all(Array.from({ length: 90 }, (_, index) => list(`a-guess-that-is-wrong-${index}`)))
    for (const token of [tokens.ada, tokens.bob, tokens.shop, tokens.desk]) expect((await list(token)).status).toBe(200)
    expect((await list('a-guess-that-is-wrong')).headers).toMatchObject({ 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '9' })
  })
})

describe('The counters', () => {
  it('do not begin anew when the clock is put back a little, and do when it was wrong', () => {
    const at = { now: 600_000 }
    const limit = createRateLimit({ clock: { now: () => at.now }, capacity: 3 })
    expect(limit.take('a', 1).allowed).toBe(true)
    at.now = 599_000
    expect(limit.take('a', 1).allowed).toBe(false)
    at.now = 600_000
    expect(limit.take('a', 1).allowed).toBe(false)
    at.now = 60_000
    expect(limit.take('a', 1).allowed).toBe(true)
  })

  it('give back what they took, in the window in which they took it', () => {
    const at = { now: 0 }
    const limit = createRateLimit({ clock: { now: () => at.now }, capacity: 3 })
    const verdict = limit.take('a', 1)
    limit.giveBack('a', verdict)
    expect(limit.take('a', 1).allowed).toBe(true)
    at.now = 60_000
    expect(limit.take('a', 1).allowed).toBe(true)
    limit.giveBack('a', verdict)
    expect(limit.take('a', 1).allowed).toBe(false)
  })

  it('never hold more keys than their capacity', () => {
    const limit = createRateLimit({ clock: { now: () => 0 }, capacity: 3 })
    for (const key of ['a', 'b', 'c']) expect(limit.take(key, 1).allowed).toBe(true)
    expect(limit.take('d', 1).allowed).toBe(true)
    expect(limit.take('e', 1).allowed).toBe(false)
    expect(limit.take('a', 2).allowed).toBe(true)
  })

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0::1', '2001:db8:0:0::/64'],
    ['2001::3:4:5:6:7:8', '2001:0:3:4::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('take %s as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
})
