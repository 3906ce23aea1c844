import { afterAll, beforeAll, expect, it } from 'vitest'
import { text } from '../toolkit/json.ts'
import { createInstance, scanQr, unlinkedLine } from '../toolkit/line.ts'
import { type ProxyCredentials, startHttpProxy, startSocksProxy, type TestProxy } from '../toolkit/proxies.ts'
import { onStage } from '../toolkit/stage.ts'

const credentials: ProxyCredentials = { username: 'traveller', password: 's3cret-of-the-proxy' }

onStage('A proxy of its own', (stage) => {
  let http: TestProxy
  let socks: TestProxy
  beforeAll(async () => {
    http = await startHttpProxy(credentials)
    socks = await startSocksProxy(credentials)
  })
  afterAll(async () => {
    await http.close()
    await socks.close()
  })

  it.each(['http', 'socks5'] as const)('%s: the connection to WhatsApp goes through it', async (protocol) => {
    const proxy = protocol === 'http' ? http : socks
    const name = `via-${protocol}`
    const line = unlinkedLine(stage.gateway, await stage.phone(), name, await createInstance(stage.account, name))
    expect(
      await line.api.post(`/api/instance/proxy/${name}`, {
        enabled: true,
        host: '127.0.0.1',
        port: String(proxy.port),
        protocol,
        ...credentials,
      }),
    ).toMatchObject({
      status: 200,
      body: {
        success: true,
        message: 'Proxy configuration updated',
        proxy: { enabled: true, host: '127.0.0.1', port: String(proxy.port), protocol, username: credentials.username },
      },
    })
    const read = await line.api.get(`/api/instance/getProxy/${name}`)
    expect(read).toMatchObject({
      status: 200,
      body: { message: 'Proxy configuration retrieved successfully', proxy: { enabled: true, protocol } },
    })
    expect(JSON.stringify(read.body)).not.toContain(credentials.password)

    await scanQr(line)
    await line.waitFor('connected')
    const friend = await stage.phone()
    const id = text((await line.text(friend.number, 'Through the tunnel')).body, 'data.messageId')
    await friend.next({ id })
    const network = new URL(stage.simulator.url)
    expect(proxy.targets()).toContain(network.host)
    expect(proxy.refused()).toBe(0)
  })

  it('with a wrong password nothing connects, and nothing goes around the proxy', async () => {
    await createInstance(stage.account, 'locked', {
      proxyEnabled: true,
      proxyHost: '127.0.0.1',
      proxyPort: String(http.port),
      proxyProtocol: 'http',
      proxyUsername: credentials.username,
      proxyPassword: 'wrong',
    })
    const answer = await stage.account.get('/api/instance/connect/locked')
    expect(answer.status).toBe(500)
    expect(text(answer.body, 'error.message')).toMatch(/^Failed to connect: /)
    expect(http.refused()).toBeGreaterThan(0)
  })

  it('refuses what is no proxy, and forgets it on request', async () => {
    await createInstance(stage.account, 'fussy')
    const set = (body: Record<string, string | number | boolean>) => stage.account.post('/api/instance/proxy/fussy', body)
    const refused = (message: string) => ({ status: 400, body: { success: false, error: { message } } })
    expect(await set({ enabled: true, host: 'h', port: '1', protocol: 'ftp' })).toMatchObject(refused('Invalid proxy protocol'))
    expect(await set({ enabled: true, port: '1', protocol: 'http' })).toMatchObject(refused('Proxy host is required'))
    expect(await set({ enabled: true, host: 'h', port: '65536', protocol: 'http' })).toMatchObject(refused('Invalid proxy port'))
    expect(await set({ enabled: true, host: 'h', port: 8080, protocol: 'https' })).toMatchObject({
      status: 200,
      body: { proxy: { port: '8080' } },
    })
    expect(await set({ enabled: false })).toMatchObject({ status: 200, body: { message: 'Proxy configuration removed' } })
    expect(await stage.account.get('/api/instance/getProxy/fussy')).toMatchObject({ status: 200, body: { proxy: { enabled: false } } })
  })
})
