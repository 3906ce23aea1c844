/** What clients see of creating instances, and of the list item they become. */
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
  it('creates an instance with a generated token', async () => {
    const { api, call } = await open()
    const { status, body } = await api.post('/api/instance/new', { name: '  shop  ' })
    expect(status).toBe(201)
    expect(body).toEqual({
      success: true,
      message: 'Instance created',
      instance: {
        id: expect.any(String),
        name: 'shop',
        token: expect.stringMatching(/^ryz_i_[\w-]{43}$/),
        status: 'disconnected',
        numberJid: null,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        updatedAt: expect.stringMatching(/Z$/),
      },
    })
    const own = await call((body.instance as { token: string }).token, 'GET', '/api/instance/list')
    expect(own).toMatchObject({ status: 200, body: { message: '1 Instance found', instances: [{ name: 'shop' }] } })
  })

  it.each(['a', 'x'.repeat(100), 'Loja São João', 'магазин', '店舗-1', 'हिंदी', 'a.b_c-d 9'])('accepts the name %s', async (name) => {
    const { api } = await open()
    expect((await api.post('/api/instance/new', { name })).status).toBe(201)
    expect((await api.get(`/api/instance/getSettings/${encodeURIComponent(name)}`)).status).toBe(200)
  })

  it('refuses names and tokens that cannot be', async () => {
    const { api } = await open()
    const refused = async (body: unknown, message: string, status = 400) =>
      expect(await api.post('/api/instance/new', body)).toEqual({ status, body: error(message) })
    await refused({}, 'Instance name is required')
    await refused({ name: null }, 'Instance name is required')
    for (const name of ['', '   ', 'x'.repeat(101), 'a/b', 'a,b', 'a\nb', '..', 'sm:ile', '😀'])
      await refused({ name }, 'Invalid instance name')
    await refused({ name: 5 }, 'Invalid request body: name must be a string')
    for (const token of ['short', 'with space in between', `${'x'.repeat(257)}`, 'ünicode-token-long']) {
      await refused({ name: 'a', token }, 'Invalid instance token')
    }
    await refused({ name: 'a', webhookEvents: 'all' }, 'Invalid request body: webhookEvents must be an array')
  })

  it('names are unique in the account, tokens everywhere', async () => {
    const { api, create, account, call } = await open()
    const token = 'a-token-of-my-own-0001'
    await create('shop', { token })
    expect(await api.post('/api/instance/new', { name: 'shop' })).toEqual({ status: 409, body: error('Instance name already exists') })
    expect((await api.post('/api/instance/new', { name: 'Shop' })).status).toBe(201)
    expect(await api.post('/api/instance/new', { name: 'other', token })).toEqual({
      status: 409,
      body: error('Instance token already exists'),
    })
    const other = await account('other')
    expect(await call(other.token, 'POST', '/api/instance/new', { name: 'shop', token })).toEqual({
      status: 409,
      body: error('Instance token already exists'),
    })
    expect(await call(other.token, 'POST', '/api/instance/new', { name: 'mine', token: api.token })).toEqual({
      status: 409,
      body: error('Instance token already exists'),
    })
    expect((await call(other.token, 'POST', '/api/instance/new', { name: 'shop' })).status).toBe(201)
  })

  it('one of twenty creations of the same name wins', async () => {
    const { api } = await open()
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.post('/api/instance/new', { name: 'shop' })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
    expect((await api.get('/api/instance/list')).body).toMatchObject({ meta: { total: 1 } })
  })

  it('one of twenty creations of the same token in different accounts wins', async () => {
    const { account, call } = await open()
    const owners = await Promise.all(Array.from({ length: 20 }, (_, index) => account(`owner-${index}`)))
    const answers = await Promise.all(
      owners.map(({ token }) => call(token, 'POST', '/api/instance/new', { name: 'shop', token: 'the-same-token-for-all' })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
  })

  it('parallel creations cannot exceed the quota, and a deletion makes room', async () => {
    const { api } = await open({ quota: 5 })
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => api.post('/api/instance/new', { name: `shop-${index}` })))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 403).map(({ body }) => body)).toEqual(
      Array(15).fill(error('Account instance quota exceeded')),
    )
    const made = answers.findIndex(({ status }) => status === 201)
    await api.delete(`/api/instance/delete/shop-${made}`)
    expect((await api.post('/api/instance/new', { name: 'again' })).status).toBe(201)
  })

  it('an instance token creates nothing', async () => {
    const { call, create } = await open()
    const { token } = await create('shop')
    expect(await call(token, 'POST', '/api/instance/new', { name: 'b' })).toEqual({ status: 401, body: error('Invalid token') })
  })

  it('takes every inline block and answers it in the shape of its read route', async () => {
    const { api } = await open()
    const { status, body } = await api.post('/api/instance/new', {
      name: 'full',
      autoRejectCalls: true,
      callRejectMessage: 'No calls',
      proxyEnabled: true,
      proxyHost: 'proxy.example.com',
      proxyPort: '1080',
      proxyProtocol: 'socks5',
      proxyUsername: 'u',
      proxyPassword: 'p-secret',
      webhookEnabled: true,
      webhookURL: 'https://app.example.com/wh?key=1',
      webhookEvents: ['message.status', 'message.exchange'],
      websocketEnabled: true,
      websocketEvents: ['instance.state'],
      chatwootEnabled: true,
      chatwootBaseUrl: 'https://chat.example.com/',
      chatwootAccountId: 3,
      chatwootApiToken: 'tok',
      chatwootInboxName: 'WhatsApp',
      chatwootSignMessages: true,
      s3Enabled: true,
      s3Bucket: 'media',
      s3AccessKey: 'AKIA',
      s3SecretKey: 's3-secret',
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      settings: { ...defaults, autoRejectCalls: true, callRejectMessage: 'No calls' },
      proxy: { enabled: true, host: 'proxy.example.com', port: '1080', protocol: 'socks5', username: 'u' },
      webhook: {
        label: 'default',
        enabled: true,
        url: 'https://app.example.com/wh?key=1',
        authorization: '',
        byEvents: false,
        events: ['message.status', 'message.exchange'],
        mediaBase64: false,
      },
      websocket: { enabled: true, events: ['instance.state'], mediaBase64: false },
      chatwoot: {
        enabled: true,
        status: 'error',
        error: 'Chatwoot is not supported by this gateway yet',
        chatwoot_base_url: 'https://chat.example.com',
        chatwoot_account_id: 3,
        chatwoot_inbox_id: 0,
        sign_messages: true,
        ignore_groups: false,
      },
      s3: { enabled: true, region: '', bucket: 'media', accessKey: 'AKIA', secretKey: null, endpoint: '', pathPrefix: '' },
    })
    expect(JSON.stringify(body)).not.toMatch(/p-secret|s3-secret/)
    expect((await api.get('/api/instance/getSettings/full')).body).toMatchObject({ settings: { callRejectMessage: 'No calls' } })
    expect((await api.get('/api/instance/getProxy/full')).body).toMatchObject({ proxy: { host: 'proxy.example.com' } })
    expect((await api.get('/api/events/getWebhook/full?label=default')).body).toMatchObject({ webhook: { enabled: true } })
    expect((await api.get('/api/events/getWebsocket/full')).body).toMatchObject({ websocket: { enabled: true } })
  })

  it('a block that fails comes back disabled and says why; the instance is there', async () => {
    const { api, listed } = await open()
    const { status, body } = await api.post('/api/instance/new', {
      name: 'half',
      proxyEnabled: true,
      proxyHost: 'h',
      proxyPort: '1',
      proxyProtocol: 'ftp',
      webhookEnabled: true,
      webhookURL: 'ftp://nowhere',
      websocketEnabled: true,
      websocketEvents: ['no.such.event'],
      chatwootEnabled: true,
      s3Enabled: true,
      ignoreStatus: true,
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      proxy: { enabled: false, error: 'Invalid proxy protocol' },
      webhook: { label: 'default', enabled: false, url: '', error: 'Invalid webhook URL' },
      websocket: { enabled: false, events: [], error: 'Invalid event: no.such.event' },
      chatwoot: { enabled: false, status: 'error', error: expect.stringContaining('chatwootBaseUrl') },
      s3: { enabled: false, error: 'S3 bucket, accessKey and secretKey are required' },
      settings: { ignoreStatus: true },
    })
    expect(await listed('half')).toMatchObject({ status: 'disconnected', webhook: { enabled: false }, settings: { ignoreStatus: true } })
  })

  it('lists with every key of the item', async () => {
    const { api, link } = await open()
    expect(await api.get('/api/instance/list')).toEqual({
      status: 200,
      body: { success: true, message: '0 Instances found', instances: [], meta: { total: 0 } },
    })
    const { id, token, phone } = await link('shop', '34600111222', { webhookURL: 'https://app.example.com', websocketEnabled: true })
    const webhook = { label: 'default', enabled: true, url: 'https://app.example.com', events: [], byEvents: false, mediaBase64: false }
    const websocket = { enabled: true, events: [], mediaBase64: false }
    const chatwoot = { enabled: false, status: 'disabled', error: null }
    expect((await api.get('/api/instance/list')).body).toEqual({
      success: true,
      message: '1 Instance found',
      meta: { total: 1 },
      instances: [
        {
          id,
          name: 'shop',
          token,
          status: 'connected',
          numberJid: phone.address.jid,
          createdAt: expect.any(String),
          updatedAt: expect.any(String),
          connection: {
            state: 'connected',
            numberJid: '34600111222@s.whatsapp.net',
            name: phone.name,
            presenceStatus: 'unavailable',
            displayStatus: 'Connected',
          },
          profile: { name: phone.name, pictureUrl: '', isBusiness: false, businessName: '' },
          settings: defaults,
          webhook,
          websocket,
          chatwoot,
          integrations: { webhook, websocket, chatwoot },
        },
      ],
    })
  })
})
