/** The whole gateway, put together as `npm start` does it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contractRoutes } from '../../acceptance/toolkit/contract.ts'
import { administerAccounts, createGateway, type Gateway } from './gateway.ts'
import { createLogger } from './runtime/logging.ts'
import { readSettings } from './settings.ts'

const logger = createLogger('silent')
const accountToken = 'account-token-of-the-test'
const adminToken = 'admin-token-of-the-test'

describe('The gateway', () => {
  let dataDir: string
  const open: Gateway[] = []
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ryzeapi-gateway-'))
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((gateway) => gateway.close()))
    await rm(dataDir, { recursive: true, force: true })
  })

  const settings = (more: Record<string, string> = {}) =>
    readSettings({
      HOST: '127.0.0.1',
      PORT: '0',
      DATA_DIR: dataDir,
      ACCOUNT_TOKEN: accountToken,
      ADMIN_TOKEN: adminToken,
      REQUESTS_PER_MINUTE: '100000',
      ...more,
    })
  const start = async (more?: Record<string, string>) => {
    const gateway = await createGateway(settings(more), logger)
    open.push(gateway)
    const call = async (method: string, path: string, token?: string, body?: unknown) => {
      const response = await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
        method,
        headers: { ...(token !== undefined && { token }), ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: (await response.json()) as unknown }
    }
    return { gateway, call }
  }

  it('has every route of the contract, built or answered 501, and under unique ids', async () => {
    const { gateway, call } = await start()
    const routes = [
      ...gateway.operations.filter(({ path }) => !path.startsWith('/admin/')).map(({ method, path }) => `${method} ${path}`),
      ...gateway.sockets.map(({ path }) => `GET ${path}`),
    ]
    expect(routes).toEqual(expect.arrayContaining(contractRoutes.map(({ method, path }) => `${method} ${path}`)))
    const ids = [...gateway.operations, ...gateway.sockets].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)

    expect(await call('POST', '/api/instance/new', accountToken, { name: 'shop' })).toMatchObject({ status: 201 })
    for (const { method, path, notBuilt, errors } of gateway.operations) {
      if (!notBuilt) continue
      const answer = await call(method, path.replace(':instance', 'shop'), accountToken)
      expect(answer).toEqual({ status: 501, body: { success: false, error: { message: errors[0]?.message } } })
    }
  })

  it('refuses every operation without a token, and with one nobody knows', async () => {
    const { gateway, call } = await start({ UNKNOWN_TOKENS_PER_MINUTE: '100000' })
    for (const { id, method, path, token } of gateway.operations) {
      if (token === 'none') continue
      const url = path.replace(/:\w+/, 'shop')
      const missing = token === 'account' ? 'Invalid token' : 'Missing token in header'
      expect([id, await call(method, url)]).toEqual([id, { status: 401, body: { success: false, error: { message: missing } } }])
      expect([id, await call(method, url, 'nobody-knows-this-token')]).toEqual([
        id,
        { status: 401, body: { success: false, error: { message: 'Invalid token' } } },
      ])
    }
  })

  it('keeps tenants apart on every operation that names an instance', async () => {
    const { gateway, call } = await start()
    const bob = (await call('POST', '/admin/accounts', adminToken, { name: 'bob' })).body as { token: string }
    await call('POST', '/api/instance/new', accountToken, { name: 'mine', token: 'token-of-instance-mine' })
    await call('POST', '/api/instance/new', bob.token, { name: 'theirs', token: 'token-of-instance-theirs' })
    const refusal = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })
    for (const { id, method, path, token } of gateway.operations) {
      if (!path.includes(':instance')) continue
      const url = path.replace(':instance', 'theirs')
      expect([id, await call(method, url, accountToken)]).toEqual([id, refusal(404, 'Instance not found')])
      const foreign = token === 'account' ? refusal(401, 'Invalid token') : refusal(403, 'Instance token does not match requested instance')
      expect([id, await call(method, url, 'token-of-instance-mine')]).toEqual([id, foreign])
    }
  })

  it('deletes an account with its instances', async () => {
    const { call } = await start()
    const created = (await call('POST', '/admin/accounts', adminToken, { name: 'bob' })).body as { token: string; account: { id: string } }
    await call('POST', '/api/instance/new', created.token, { name: 'theirs', token: 'token-of-instance-theirs' })
    expect(await call('DELETE', `/admin/accounts/${created.account.id}`, adminToken)).toMatchObject({ status: 200 })
    expect((await call('GET', '/api/instance/list', 'token-of-instance-theirs')).status).toBe(401)
    expect((await call('GET', '/api/instance/list', created.token)).status).toBe(401)
    expect((await call('GET', '/admin/accounts', adminToken)).body).toMatchObject({ meta: { total: 1 } })
  })

  it('without ADMIN_TOKEN has no administration', async () => {
    const { gateway, call } = await start({ ADMIN_TOKEN: '' })
    expect(gateway.operations.filter(({ path }) => path.startsWith('/admin'))).toEqual([])
    const answer = { status: 404, body: { success: false, error: { message: 'Not found' } } }
    expect(await call('GET', '/admin/accounts', adminToken)).toEqual(answer)
    expect(await call('PUT', '/admin/accounts', adminToken)).toEqual(answer)
  })

  it('holds its data folder and its port, and lets go of both', async () => {
    const { gateway, call } = await start()
    expect((await call('GET', '/health')).body).toMatchObject({ status: 'ok', checks: { db: 'ok' } })
    await expect(createGateway(settings(), logger)).rejects.toMatchObject({ name: 'DataInUseError' })
    await expect(administerAccounts(settings(), logger, ['list'])).rejects.toMatchObject({ name: 'DataInUseError' })
    const elsewhere = await mkdtemp(join(tmpdir(), 'ryzeapi-gateway-'))
    const onTakenPort = settings({ PORT: String(gateway.port), DATA_DIR: elsewhere })
    await expect(createGateway(onTakenPort, logger)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await gateway.close()
    const second = await createGateway(onTakenPort, logger)
    await second.close()
    await rm(elsewhere, { recursive: true, force: true })
  })

  it('does not start with an allow-list it cannot read', async () => {
    await expect(createGateway(settings({ OUTBOUND_ALLOW: '10.0.0.0/99' }), logger)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringMatching(/^OUTBOUND_ALLOW: "10.0.0.0\/99" .*; allowed: /),
    })
  })

  it('is administered from the command line while it is stopped', async () => {
    const [, token] = await administerAccounts(settings(), logger, ['create', 'bob', '--quota', '1'])
    const first = await start()
    const bob = token?.split(': ')[1]
    expect((await first.call('POST', '/api/instance/new', bob, { name: 'theirs' })).status).toBe(201)
    await first.gateway.close()
    expect(await administerAccounts(settings(), logger, ['delete', 'bob'])).toEqual(['bob deleted'])
    expect(await administerAccounts(settings(), logger, ['list'])).toEqual([expect.stringMatching(/^default · /)])
  })
})
