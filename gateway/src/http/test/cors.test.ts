import { beforeEach, describe, expect, it } from 'vitest'
import { type Harness, openHarness, tokens } from './harness.ts'

const [adaPage, bobPage, foreignPage] = ['https://ada.example', 'https://bob.example', 'https://evil.example']

describe('A page of a browser', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await openHarness()
  })
  const list = (origin: string, token?: string) =>
    harness.call('GET', '/api/sample/list', { headers: { origin }, ...(token !== undefined && { token }) })
  const preflight = (origin: string, url = '/api/sample/new') =>
    harness.call('OPTIONS', url, {
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'token, content-type' },
    })

  it('may read the answers of the account that lists its origin, and of no other', async () => {
    const allowed = await list(adaPage, tokens.ada)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': adaPage,
      'access-control-expose-headers': 'X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset',
      vary: 'Origin',
    })
    expect(allowed.headers).not.toHaveProperty('access-control-allow-credentials')
    expect((await list(adaPage, tokens.shop)).headers['access-control-allow-origin']).toBe(adaPage)
    for (const [origin, token] of [
      [bobPage, tokens.ada],
      [foreignPage, tokens.ada],
      [adaPage, tokens.bob],
    ] as const) {
      const answer = await list(origin, token)
      expect(answer.status).toBe(200)
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
    }
  })

  it('may ask beforehand when any account lists its origin', async () => {
    expect(await preflight(adaPage)).toMatchObject({
      status: 204,
      text: '',
      headers: {
        'access-control-allow-origin': adaPage,
        'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
        'access-control-allow-headers': 'Content-Type, Authorization, token, Idempotency-Key',
        'access-control-max-age': '600',
      },
    })
    const foreign = await preflight(foreignPage)
    expect(foreign.status).toBe(204)
    expect(Object.keys(foreign.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    expect((await preflight(adaPage, '/api/nothing')).status).toBe(404)
  })

  it('is told why it was refused', async () => {
    expect(await list(adaPage, 'an-old-token-of-ada')).toMatchObject({ status: 401, headers: { 'access-control-allow-origin': adaPage } })
    expect((await list(foreignPage)).headers).not.toHaveProperty('access-control-allow-origin')
    const ada = harness.world.accounts[0] ?? expect.fail()
    ada.requestsPerMinute = 1
    await list(adaPage, tokens.ada)
    expect(await list(adaPage, tokens.ada)).toMatchObject({ status: 429, headers: { 'access-control-allow-origin': adaPage } })
  })

  it('of any origin, where the account says *', async () => {
    const ada = harness.world.accounts[0] ?? expect.fail()
    ada.allowedOrigins = ['*']
    expect((await list(foreignPage, tokens.ada)).headers['access-control-allow-origin']).toBe(foreignPage)
  })
})
