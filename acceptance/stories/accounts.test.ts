import { expect, it } from 'vitest'
import { adminToken } from '../toolkit/gateway.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import { createInstance } from '../toolkit/line.ts'
import { openSocket } from '../toolkit/socket.ts'
import { onStage } from '../toolkit/stage.ts'

const refused = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })

onStage('Accounts', (stage) => {
  const admin = () => stage.gateway.api(adminToken)
  const open = async (name: string, more: { [key: string]: Json } = {}) => {
    const { body } = await admin().post('/admin/accounts', { name, requestsPerMinute: 10_000, ...more })
    return { id: text(body, 'account.id'), token: text(body, 'token'), api: stage.gateway.api(text(body, 'token')) }
  }

  it('are made by the administrator, who sees the token this once', async () => {
    const created = await admin().post('/admin/accounts', { name: 'shop', instanceQuota: 2 })
    expect(created).toMatchObject({
      status: 201,
      body: {
        success: true,
        message: 'Account created',
        account: { name: 'shop', instanceQuota: 2, requestsPerMinute: 100, createsPerMinute: 20, allowedOrigins: [], suspended: false },
      },
    })
    const token = text(created.body, 'token')
    expect(token).toMatch(/^ryz_a_/)
    const listed = await admin().get('/admin/accounts')
    expect(JSON.stringify(listed.body)).toContain('"shop"')
    expect(JSON.stringify(listed.body)).not.toContain(token)
  })

  it('are closed to everybody else, and without ADMIN_TOKEN not there at all', async () => {
    expect(await stage.account.get('/admin/accounts')).toMatchObject(refused(401, 'Invalid token'))
    await stage.gateway.restart({ ADMIN_TOKEN: '' })
    expect(await admin().get('/admin/accounts')).toMatchObject(refused(404, 'Not found'))
    await stage.gateway.restart()
  })

  it('do not see each other', async () => {
    const [one, other] = [await open('one'), await open('other')]
    await createInstance(one.api, 'private')
    expect(await other.api.get('/api/instance/list?instanceName=private')).toMatchObject(refused(404, 'Instance not found'))
    expect(await other.api.get('/api/instance/getSettings/private')).toMatchObject(refused(404, 'Instance not found'))
    expect(await other.api.delete('/api/instance/delete/private')).toMatchObject(refused(404, 'Instance not found'))
    expect((await createInstance(other.api, 'private')).length).toBeGreaterThan(20)
    expect((await one.api.get('/api/instance/list')).body).toMatchObject({ message: '1 Instance found', meta: { total: 1 } })
  })

  it('keep to their quota and their rate', async () => {
    const small = await open('small', { instanceQuota: 1 })
    await createInstance(small.api, 'only')
    expect(await small.api.post('/api/instance/new', { name: 'second' })).toMatchObject(refused(403, 'Account instance quota exceeded'))
    await small.api.delete('/api/instance/delete/only')
    await createInstance(small.api, 'second')

    const slow = await open('slow', { requestsPerMinute: 3 })
    // All in one minute's window, or the first answers of the next.
    const answers = await Promise.all(Array.from({ length: 10 }, () => slow.api.get('/api/instance/list')))
    expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(4)
    const limited = answers.find(({ status }) => status === 429)
    expect(limited?.body).toEqual({ success: false, error: { message: 'Rate limit exceeded. Try again later.' } })
    expect(limited?.headers.get('x-ratelimit-limit')).toBe('3')
    expect(limited?.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(Number(limited?.headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000 - 60)
    expect(Number(limited?.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('suspended: nothing works; deleted: nothing is left', async () => {
    const account = await open('temporary')
    const token = await createInstance(account.api, 'box', { websocketEnabled: true })
    expect((await admin().patch(`/admin/accounts/${account.id}`, { suspended: true })).status).toBe(200)
    expect((await account.api.get('/api/instance/list')).status).toBeGreaterThanOrEqual(401)
    await admin().patch(`/admin/accounts/${account.id}`, { suspended: false })
    expect((await account.api.get('/api/instance/list')).status).toBe(200)
    const socket = await openSocket(stage.gateway.url, 'box', token)
    expect((await admin().delete(`/admin/accounts/${account.id}`)).status).toBe(200)
    expect(await socket.closed).toBeGreaterThanOrEqual(4000)
    expect(await stage.gateway.api(token).get('/api/instance/list')).toMatchObject(refused(401, 'Invalid token'))
    expect(await account.api.get('/api/instance/list')).toMatchObject(refused(401, 'Invalid token'))
  })
})

onStage('Instances of an account', (stage) => {
  it('are created with every block in one call', async () => {
    const answer = await stage.account.post('/api/instance/new', {
      name: 'Shop 1.2_a-b',
      token: 'chosen-instance-token',
      webhookEnabled: true,
      webhookURL: 'https://example.com/hook',
      websocketEnabled: true,
      proxyEnabled: true,
      proxyHost: 'proxy.example.com',
      proxyPort: '1080',
      proxyProtocol: 'socks5',
      proxyPassword: 'never-shown',
      s3Enabled: true,
      s3Bucket: 'media',
      s3AccessKey: 'AKIA',
      s3SecretKey: 'never-shown',
      autoReadMessages: true,
    })
    expect(answer).toMatchObject({
      status: 201,
      body: {
        success: true,
        message: 'Instance created',
        instance: { name: 'Shop 1.2_a-b', token: 'chosen-instance-token', status: 'disconnected', numberJid: null },
        webhook: { label: 'default', enabled: true, url: 'https://example.com/hook' },
        websocket: { enabled: true },
        settings: { autoReadMessages: true, disableHistorySync: true },
        proxy: { enabled: true, host: 'proxy.example.com', port: '1080', protocol: 'socks5' },
        s3: { enabled: true, bucket: 'media' },
      },
    })
    expect(JSON.stringify(answer.body)).not.toContain('never-shown')
    const listed = await stage.gateway.api('chosen-instance-token').get('/api/instance/list?instanceName=ignored')
    expect(listed).toMatchObject({
      status: 200,
      body: { message: '1 Instance found', instances: [{ name: 'Shop 1.2_a-b', token: 'chosen-instance-token' }], meta: { total: 1 } },
    })
    expect(JSON.stringify(listed.body)).not.toContain('never-shown')
    expect(await stage.account.get(`/api/instance/getSettings/${encodeURIComponent('Shop 1.2_a-b')}`)).toMatchObject({ status: 200 })
  })

  it('have a name of their own', async () => {
    const create = (body: { [key: string]: Json }) => stage.account.post('/api/instance/new', body)
    await createInstance(stage.account, 'taken', { token: 'a-token-that-is-taken' })
    expect(await create({ name: 'taken' })).toMatchObject(refused(409, 'Instance name already exists'))
    expect((await create({ name: 'Taken' })).status).toBe(201)
    expect(await create({})).toMatchObject(refused(400, 'Instance name is required'))
    expect(await create({ name: 'no/slash' })).toMatchObject(refused(400, 'Invalid instance name'))
    expect(await create({ name: 'x', token: 'short' })).toMatchObject(refused(400, 'Invalid instance token'))
    expect(await create({ name: 'x', token: 'a-token-that-is-taken' })).toMatchObject(refused(409, 'Instance token already exists'))
  })

  it('answer to either token, in either header', async () => {
    const token = await createInstance(stage.account, 'doors')
    const other = await createInstance(stage.account, 'other-doors')
    const read = (headers: Record<string, string>) => stage.gateway.api().get('/api/instance/getSettings/doors', headers)
    expect((await read({ token })).status).toBe(200)
    expect((await read({ token: stage.accountToken })).status).toBe(200)
    expect((await read({ authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await read({ token, authorization: 'Bearer nobody' })).status).toBe(200)
    expect(await read({ token: other })).toMatchObject(refused(403, 'Instance token does not match requested instance'))
    expect(await read({ token: 'nobody' })).toMatchObject(refused(401, 'Invalid token'))
    expect(await read({})).toMatchObject(refused(401, 'Missing token in header'))
    const answer = await read({ token })
    expect(at({ limit: answer.headers.get('x-ratelimit-limit') }, 'limit')).toBe('1000000')
  })

  it('errors always come in the envelope', async () => {
    const raw = (path: string, init: RequestInit) =>
      fetch(`${stage.gateway.url}${path}`, { ...init, headers: { token: stage.accountToken, ...init.headers } })
    const cases: [Promise<Response>, number, string][] = [
      [raw('/nowhere', {}), 404, 'Not found'],
      [raw('/api/instance/new', { method: 'GET' }), 405, 'Method not allowed'],
      [
        raw('/api/instance/new', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }),
        415,
        'Content-Type must be application/json',
      ],
      [
        raw('/api/instance/new', { method: 'POST', body: 'x'.repeat(2_000_000), headers: { 'content-type': 'application/json' } }),
        413,
        'Request body too large',
      ],
    ]
    for (const [response, status, message] of cases) {
      const answer = await response
      expect({ status: answer.status, body: await answer.json() }).toEqual({ status, body: { success: false, error: { message } } })
    }
    const malformed = await raw('/api/instance/new', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } })
    expect(malformed.status).toBe(400)
    expect(await malformed.json()).toMatchObject({ success: false, error: { message: expect.stringMatching(/^Invalid request body/) } })
  })
})
