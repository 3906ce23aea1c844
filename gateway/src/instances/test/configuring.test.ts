/** What clients see of finding, configuring and counting instances. */
import { expect, it } from 'vitest'
import { error, onBothDatabases } from './stage.ts'

const defaults = {
  autoRejectCalls: false,
  callRejectMessage: '',
  ignoreGroupMessages: false,
  keepOnlineStatus: false,
  autoReadMessages: false,
  disableHistorySync: true,
  ignoreStatus: false,
}

onBothDatabases((open) => {
  it('filters by name: one must exist, of several the unknown are left out', async () => {
    const { api, create, call, account } = await open()
    const { token } = await create('a')
    await create('b')
    const names = async (query: string, by = api.token) => {
      const { status, body } = await call(by, 'GET', `/api/instance/list${query}`)
      return status === 200 ? (body.instances as { name: string }[]).map(({ name }) => name) : `${status} ${JSON.stringify(body)}`
    }
    expect(await names('')).toEqual(['a', 'b'])
    expect(await names('?instanceName=')).toEqual(['a', 'b'])
    expect(await names('?instanceName=b')).toEqual(['b'])
    expect(await names('?instanceName=b,%20a,nobody')).toEqual(['b', 'a'])
    expect(await names('?instanceName=x,y')).toEqual([])
    expect(await names('?instanceName=nobody')).toBe(`404 ${JSON.stringify(error('Instance not found'))}`)
    expect(await names('?instanceName=b', token)).toEqual(['a'])
    const stranger = await account('stranger')
    expect(await names('', stranger.token)).toEqual([])
    expect(await names('?instanceName=a', stranger.token)).toBe(`404 ${JSON.stringify(error('Instance not found'))}`)
  })

  it('settings: partial change, read back whole, kept over a restart', async () => {
    const stage = await open()
    await stage.create('shop')
    expect((await stage.api.get('/api/instance/getSettings/shop')).body).toEqual({
      success: true,
      message: 'Settings retrieved successfully',
      settings: defaults,
    })
    const changed = { success: true, message: 'Settings updated successfully', settings: { ...defaults, ignoreStatus: true } }
    expect((await stage.api.post('/api/instance/settings/shop', { ignoreStatus: true, unknown: 1 })).body).toEqual(changed)
    await stage.api.post('/api/instance/settings/shop', { disableHistorySync: false })
    for (const body of [{}, { unknown: true }]) {
      expect(await stage.api.post('/api/instance/settings/shop', body)).toEqual({
        status: 400,
        body: error('At least one setting must be provided'),
      })
    }
    expect((await stage.api.post('/api/instance/settings/shop', { ignoreStatus: 'yes' })).status).toBe(400)
    const next = await stage.restart()
    expect((await next.api.get('/api/instance/getSettings/shop')).body).toMatchObject({
      settings: { ...defaults, ignoreStatus: true, disableHistorySync: false },
    })
  })

  it('a store that does not work: each route says so in its own words, and nothing of it', async () => {
    const { api, create, database } = await open()
    await create('shop')
    const rename = (from: string, to: string) => database.db.write((tx) => tx.schema.alterTable(from).renameTo(to).execute())
    const proxy = { host: '93.184.216.34', port: 1, protocol: 'http' }
    const s3 = { bucket: 'b', accessKey: 'a', secretKey: 's' }
    const routes: [method: 'get' | 'post', path: string, body: Record<string, unknown> | undefined, message: string][] = [
      ['post', 'instance/settings', { ignoreStatus: true }, 'Failed to update settings configuration'],
      ['post', 'instance/proxy', proxy, 'Failed to update proxy configuration'],
      ['get', 'instance/getProxy', undefined, 'Failed to get proxy configuration'],
      ['post', 'instance/s3', s3, 'Failed to update S3 configuration'],
      ['get', 'instance/getS3', undefined, 'Failed to get S3 configuration'],
      ['post', 'events/websocket', { enabled: true }, 'Failed to get instance'],
      ['get', 'events/getWebsocket', undefined, 'Failed to get websocket configuration'],
    ]
    const ask = ([method, path, body]: (typeof routes)[number]) => api[method](`/api/${path}/shop`, body)
    await rename('instance_configurations', 'out_of_reach')
    try {
      for (const route of routes) expect(await ask(route)).toEqual({ status: 500, body: error(route[3]) })
    } finally {
      await rename('out_of_reach', 'instance_configurations')
    }
    for (const route of routes) expect((await ask(route)).status).toBe(200)
    expect((await api.get('/api/instance/getSettings/shop')).body).toMatchObject({ settings: { ignoreStatus: true } })
  })

  it('parallel changes of different settings all count', async () => {
    const { api, create } = await open()
    await create('shop')
    await Promise.all(
      ['autoRejectCalls', 'ignoreGroupMessages', 'keepOnlineStatus', 'autoReadMessages', 'ignoreStatus'].map((key) =>
        api.post('/api/instance/settings/shop', { [key]: true }),
      ),
    )
    expect((await api.get('/api/instance/getSettings/shop')).body).toMatchObject({
      settings: { autoRejectCalls: true, ignoreGroupMessages: true, keepOnlineStatus: true, autoReadMessages: true, ignoreStatus: true },
    })
  })

  it('proxy: what the operator allows may be one', async () => {
    const { api, create } = await open({ allow: ['10.0.0.0/8', '127.0.0.1:3128'] })
    await create('shop')
    const statusOf = async (host: string, port: number) =>
      (await api.post('/api/instance/proxy/shop', { host, port, protocol: 'http' })).status
    expect(await statusOf('10.1.2.3', 8080)).toBe(200)
    expect(await statusOf('127.0.0.1', 3128)).toBe(200)
    expect(await statusOf('127.0.0.1', 3129)).toBe(400)
    expect(await statusOf('192.168.0.1', 8080)).toBe(400)
  })

  it('proxy: checked, stored, read without the password, used by the next connect, removed', async () => {
    const { api, create, opened, until, network, db } = await open()
    const { id } = await create('shop')
    const off = { enabled: false, host: '', port: '', protocol: '', username: '' }
    expect((await api.get('/api/instance/getProxy/shop')).body).toEqual({
      success: true,
      message: 'Proxy configuration retrieved successfully',
      proxy: off,
    })
    const wanted = { enabled: true, host: 'proxy.example.com', port: 1080, protocol: 'SOCKS5', username: 'u', password: 'p-secret' }
    const shown = { enabled: true, host: 'proxy.example.com', port: '1080', protocol: 'socks5', username: 'u' }
    expect(await api.post('/api/instance/proxy/shop', wanted)).toEqual({
      status: 200,
      body: { success: true, message: 'Proxy configuration updated', proxy: shown },
    })
    expect((await api.get('/api/instance/getProxy/shop')).body).toMatchObject({ proxy: shown })
    const refused = async (change: Record<string, unknown>, message: string) =>
      expect(await api.post('/api/instance/proxy/shop', { ...wanted, ...change })).toEqual({ status: 400, body: error(message) })
    await refused({ protocol: 'ftp' }, 'Invalid proxy protocol')
    await refused({ protocol: undefined }, 'Invalid proxy protocol')
    await refused({ host: ' ' }, 'Proxy host is required')
    for (const host of ['user@evil/path', '256.0.0.1', '1.2.3.4.5', ':::', '[::1', 'a b']) await refused({ host }, 'Invalid proxy host')
    for (const port of ['0', '65536', 'x', '', '-1', 1.5]) await refused({ port }, 'Invalid proxy port')
    const loopback = ['127.0.0.1', '127.1', '0x7f.0.0.1', '0177.1', '2130706433', '127.0.0.1.', '0', '::1', '[::1]', '::ffff:127.0.0.1']
    const elsewhere = [
      '10.0.0.1',
      '192.168.257',
      '169.254.169.254',
      '0xa9fea9fe',
      '100.64.0.1',
      'fd00::1',
      '64:ff9b::a00:1',
      '2002:a00:1::',
    ]
    for (const host of [...loopback, ...elsewhere]) await refused({ host }, 'Proxy host is not allowed')
    for (const host of ['93.184.216.34', '2606:4700::1111', '[2606:4700::1111]', 'localhost', 'proxy.internal'])
      expect(await api.post('/api/instance/proxy/shop', { ...wanted, host })).toMatchObject({ status: 200 })
    await api.post('/api/instance/proxy/shop', wanted)

    const row = await db.read.selectFrom('instance_configurations').selectAll().where('instance_id', '=', id).executeTakeFirstOrThrow()
    expect(Buffer.from(row.value).toString('latin1')).not.toContain('p-secret')

    const { body } = await api.get('/api/instance/connect/shop')
    expect(opened.at(-1)?.proxy).toEqual({ protocol: 'socks5', host: 'proxy.example.com', port: 1080, username: 'u', password: 'p-secret' })
    network.person('34600111222').scan(String(body.qrCode))
    await until('shop', 'connected')
    expect((await api.post('/api/instance/proxy/shop', { enabled: false })).body).toEqual({
      success: true,
      message: 'Proxy configuration removed',
      proxy: off,
    })
    await api.post('/api/instance/reconnect/shop')
    expect(opened.at(-1)?.proxy).toBeNull()
  })

  it('metrics: counts of one instance, and of several added up', async () => {
    const { api, create, db, call } = await open()
    const a = await create('a')
    const b = await create('b')
    const now = Date.now()
    const day = 24 * 60 * 60 * 1000
    const message = (instance_id: string, message_id: string, more: Record<string, unknown>) => ({
      instance_id,
      message_id,
      chat: '1@s.whatsapp.net',
      sender: '1@s.whatsapp.net',
      from_me: 0 as const,
      type: 'text',
      content: '',
      source: '',
      status: 'delivered' as const,
      push_name: null,
      refers_to: null,
      edited_content: null,
      revoked: 0 as const,
      media_type: null,
      wire: new Uint8Array(),
      sent_at: now,
      stored_at: now,
      ...more,
    })
    await db.write((tx) =>
      tx
        .insertInto('messages')
        .values([
          message(a.id, '1', {}),
          message(a.id, '2', { from_me: 1, status: 'read', sent_at: now - 10 * day }),
          message(a.id, '3', { chat: '9@g.us', type: 'image', media_type: 'image', sent_at: now - 40 * day }),
          message(a.id, '4', { chat: '7@lid' }),
          message(b.id, '1', { sent_at: now - 50 * day }),
        ])
        .execute(),
    )
    expect((await api.get('/api/instance/metrics/a')).body).toEqual({
      success: true,
      message: 'Metrics retrieved successfully',
      metrics: {
        instance: 'a',
        totalMessages: 4,
        messagesReceived: 3,
        messagesSent: 1,
        messagesByType: { text: 3, image: 1 },
        groupMessages: 1,
        individualMessages: 3,
        messagesWithMedia: 1,
        mediaByType: { image: 1 },
        messagesByStatus: { pending: 0, sent: 0, delivered: 3, read: 1, played: 0, failed: 0 },
        uniqueChats: 3,
        uniqueGroups: 1,
        uniqueContacts: 2,
        messagesLast7Days: 2,
        messagesLast30Days: 3,
        firstMessageAt: new Date(now - 40 * day).toISOString(),
        lastMessageAt: new Date(now).toISOString(),
      },
    })
    expect((await api.get('/api/instance/metrics/a%20,%20b')).body).toMatchObject({
      metrics: { instance: 'a , b', totalMessages: 5, uniqueChats: 4, firstMessageAt: new Date(now - 50 * day).toISOString() },
    })
    expect(await api.get('/api/instance/metrics/a,x')).toEqual({ status: 404, body: error('Instance not found') })
    expect(await api.get('/api/instance/metrics/%20,')).toEqual({ status: 400, body: error('Instance name is required') })
    expect((await call(a.token, 'GET', '/api/instance/metrics/a')).status).toBe(200)
    expect(await call(a.token, 'GET', '/api/instance/metrics/a,b')).toEqual({
      status: 403,
      body: error('Instance token does not match requested instance'),
    })
    await create('empty')
    expect((await api.get('/api/instance/metrics/empty')).body).toMatchObject({
      metrics: { totalMessages: 0, messagesByType: {}, firstMessageAt: null, lastMessageAt: null },
    })
  })

  it('tokens are stored hashed and sealed, and shown again after a restart', async () => {
    const stage = await open()
    const { id, token } = await stage.create('shop')
    const row = await stage.db.read.selectFrom('instances').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
    expect(JSON.stringify({ ...row, token: Buffer.from(row.token).toString('latin1') })).not.toContain(token)
    const next = await stage.restart()
    expect(await next.listed('shop')).toMatchObject({ token })
    expect(await next.instances.tokenOf(id)).toBe(token)
  })
})
