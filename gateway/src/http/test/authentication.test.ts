import { beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openOperation } from '../operation.ts'
import { type Harness, openHarness, refused, sampleOperations, tokens } from './harness.ts'

const admin = openOperation({
  id: 'sample.admin',
  method: 'GET',
  path: '/admin/sample',
  token: 'admin',
  rateLimit: 'none',
  tag: 'Sample',
  summary: 'Administers',
  answers: { 200: z.object({ fine: z.boolean() }) },
  errors: [],
  handle: async () => ({ status: 200, body: { fine: true } }),
})

describe('A token', () => {
  let harness: Harness
  beforeEach(async () => {
    harness = await openHarness({ operations: [...sampleOperations, admin] })
  })

  const missing = 'Missing token in header'
  const mismatch = 'Instance token does not match requested instance'
  it.each<[who: string, token: string | undefined, method: 'GET' | 'DELETE' | 'POST', url: string, status: number, message: string | null]>(
    [
      ['nobody', undefined, 'GET', '/api/sample/read/shop', 401, missing],
      ['nobody', undefined, 'GET', '/api/sample/read/nowhere', 401, missing],
      ['nobody', undefined, 'GET', '/api/sample/list', 401, missing],
      ['nobody', undefined, 'POST', '/api/sample/new', 401, 'Invalid token'],
      ['nobody', undefined, 'DELETE', '/api/sample/remove/shop', 401, 'Invalid token'],
      ['nobody', undefined, 'GET', '/admin/sample', 401, missing],
      ['a stranger', 'nobody-knows-this-one', 'GET', '/api/sample/read/shop', 401, 'Invalid token'],
      ['a stranger', 'nobody-knows-this-one', 'GET', '/admin/sample', 401, 'Invalid token'],
      ['the owner', tokens.ada, 'GET', '/api/sample/read/shop', 200, null],
      ['the owner', tokens.ada, 'DELETE', '/api/sample/remove/shop', 200, null],
      ['the owner', tokens.ada, 'GET', '/api/sample/list', 200, null],
      ['the owner', tokens.ada, 'POST', '/api/sample/new', 201, null],
      ['the owner', tokens.ada, 'GET', '/admin/sample', 401, 'Invalid token'],
      ['the owner', tokens.ada, 'GET', '/api/sample/read/Shop', 404, 'Instance not found'],
      ['the owner', tokens.ada, 'GET', '/api/sample/read/', 400, 'Instance name is required'],
      ['the owner', tokens.ada, 'GET', '/api/sample/read/%20', 400, 'Instance name is required'],
      ['the owner', tokens.ada, 'GET', '/api/sample/read/shop/', 404, 'Not found'],
      ['another account', tokens.bob, 'GET', '/api/sample/read/shop', 404, 'Instance not found'],
      ['another account', tokens.bob, 'GET', '/api/sample/read/nowhere', 404, 'Instance not found'],
      ['another account', tokens.bob, 'DELETE', '/api/sample/remove/shop', 404, 'Instance not found'],
      ['the instance', tokens.shop, 'GET', '/api/sample/read/shop', 200, null],
      ['the instance', tokens.shop, 'GET', '/api/sample/list', 200, null],
      ['the instance', tokens.shop, 'GET', '/api/sample/read/', 400, 'Instance name is required'],
      ['the instance', tokens.shop, 'DELETE', '/api/sample/remove/shop', 401, 'Invalid token'],
      ['the instance', tokens.shop, 'POST', '/api/sample/new', 401, 'Invalid token'],
      ['the instance', tokens.shop, 'GET', '/admin/sample', 401, 'Invalid token'],
      ['a sister instance', tokens.desk, 'GET', '/api/sample/read/shop', 403, mismatch],
      ['a foreign instance', tokens.foreign, 'GET', '/api/sample/read/shop', 403, mismatch],
      ['a foreign instance', tokens.foreign, 'GET', '/api/sample/read/nowhere', 403, mismatch],
      ['a suspended account', tokens.suspended, 'GET', '/api/sample/list', 403, 'Account suspended'],
      ['its instance', tokens.asleep, 'GET', '/api/sample/read/asleep', 403, 'Account suspended'],
      ['the administrator', tokens.admin, 'GET', '/admin/sample', 200, null],
      ['the administrator', tokens.admin, 'GET', '/api/sample/list', 401, 'Invalid token'],
    ],
  )('of %s (%s): %s %s → %i', async (_who, token, method, url, status, message) => {
    const answer = await harness.call(method, url, token === undefined ? {} : { token })
    expect(answer.status).toBe(status)
    if (message !== null) expect(answer.body).toEqual(refused(message))
  })

  it('makes the scope: account, instance, kind', async () => {
    const read = async (token: string) => (await harness.call('GET', '/api/sample/read/shop', { token })).body
    expect(await read(tokens.ada)).toEqual({ account: 'ada', instance: 'shop', by: 'account' })
    expect(await read(tokens.shop)).toEqual({ account: 'ada', instance: 'shop', by: 'instance' })
    const list = await harness.call('GET', '/api/sample/list', { token: tokens.shop })
    expect(list.body).toEqual({ account: 'ada', instance: 'shop', by: 'instance' })
  })

  it('is read from `token`, then from Bearer, never from the query', async () => {
    const status = async (headers: Record<string, string>, query = '') =>
      (await harness.call('GET', `/api/sample/read/shop${query}`, { headers })).status
    expect(await status({ authorization: `Bearer ${tokens.shop}` })).toBe(200)
    expect(await status({ authorization: `bearer ${tokens.shop}` })).toBe(200)
    expect(await status({ token: tokens.shop, authorization: 'Bearer nobody-knows-this-one' })).toBe(200)
    expect(await status({ token: 'nobody-knows-this-one', authorization: `Bearer ${tokens.shop}` })).toBe(401)
    expect(await status({ token: '', authorization: `Bearer ${tokens.shop}` })).toBe(200)
    expect(await status({ authorization: `Basic ${tokens.shop}` })).toBe(401)
    expect(await status({}, `?token=${tokens.shop}`)).toBe(401)
  })

  it('and the name are decoded once', async () => {
    harness.world.instances.push({ ...(harness.world.instances[0] ?? expect.fail()), name: 'a b%20c/d' })
    const answer = await harness.call('GET', `/api/sample/read/${encodeURIComponent('a b%20c/d')}`, { token: tokens.ada })
    expect(answer.body).toMatchObject({ instance: 'a b%20c/d' })
  })
})
