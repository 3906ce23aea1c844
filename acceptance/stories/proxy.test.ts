import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api } from '../toolkit/api.ts'
import { makeCertificate } from '../toolkit/certificate.ts'
import { type Crossing, startCrossing } from '../toolkit/crossing.ts'
import { png } from '../toolkit/files.ts'
import { createAccount, type Gateway, startGateway } from '../toolkit/gateway.ts'
import { type Json, matches, text } from '../toolkit/json.ts'
import { createInstance, linkedLine, scanQr, unlinkedLine } from '../toolkit/line.ts'
import { type ProxyCredentials, startHttpProxy, startSocksProxy, type TestProxy } from '../toolkit/proxies.ts'
import { type Receiver, startReceiver } from '../toolkit/receiver.ts'
import { type Simulator, startSimulator } from '../toolkit/simulator.ts'

const credentials: ProxyCredentials = { username: 'traveller', password: 's3cret-of-the-proxy' }
const protocols = ['http', 'https', 'socks5'] as const
type Protocol = (typeof protocols)[number]

describe('A proxy of its own', () => {
  const certificate = makeCertificate()
  const folder = mkdtempSync(join(tmpdir(), 'ryzeapi-proxy-'))
  let simulator: Simulator
  let crossing: Crossing
  let gateway: Gateway
  let account: Api
  let receiver: Receiver
  let proxies: Record<Protocol, TestProxy>

  beforeAll(async () => {
    const trusted = join(folder, 'proxy.pem')
    writeFileSync(trusted, certificate.certificate)
    simulator = await startSimulator()
    crossing = await startCrossing(simulator)
    proxies = {
      http: await startHttpProxy(credentials),
      https: await startHttpProxy(credentials, certificate),
      socks5: await startSocksProxy(credentials),
    }
    receiver = await startReceiver()
    gateway = await startGateway({ network: crossing.url, env: { NODE_EXTRA_CA_CERTS: trusted, OUTBOUND_ALLOW: '127.0.0.1' } })
    account = gateway.api(await createAccount(gateway, 'travellers'))
  })
  afterAll(async () => {
    await gateway?.dispose()
    for (const proxy of Object.values(proxies ?? {})) await proxy.close()
    await receiver?.close()
    await crossing?.close()
    await simulator?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const settings = (protocol: Protocol, more: { [key: string]: Json } = {}): { [key: string]: Json } => ({
    enabled: true,
    host: '127.0.0.1',
    port: String(proxies[protocol].port),
    protocol,
    ...credentials,
    ...more,
  })
  /** Who came to the network without a proxy. */
  const direct = () =>
    crossing.connections() -
    Object.values(proxies)
      .flatMap((proxy) => proxy.targets())
      .filter(isOfNetwork).length
  const isOfNetwork = (target: string) => target === crossing.whatsapp || target === crossing.media

  it.each(protocols)('%s: WhatsApp is reached through it alone', async (protocol) => {
    const proxy = proxies[protocol]
    const name = `via-${protocol}`
    const line = unlinkedLine(gateway, await simulator.phone(), name, await createInstance(account, name))
    const shown = { enabled: true, host: '127.0.0.1', port: String(proxy.port), protocol, username: credentials.username }
    expect(await line.api.post(`/api/instance/proxy/${name}`, settings(protocol))).toMatchObject({
      status: 200,
      body: { success: true, message: 'Proxy configuration updated', proxy: shown },
    })
    const read = await line.api.get(`/api/instance/getProxy/${name}`)
    expect(read).toMatchObject({ status: 200, body: { message: 'Proxy configuration retrieved successfully', proxy: shown } })
    expect(JSON.stringify(read.body)).not.toContain(credentials.password)

    await scanQr(line)
    await line.waitFor('connected')
    const friend = await simulator.phone()
    const id = text((await line.text(friend.number, 'Through the tunnel')).body, 'data.messageId')
    await friend.next({ id })
    expect(proxy.targets()).toContain(crossing.whatsapp)
    expect(proxy.refused()).toBe(0)
    expect(direct()).toBe(0)
  })

  it.each(protocols)('%s: so are its media, up and down', async (protocol) => {
    const proxy = proxies[protocol]
    const name = `media-via-${protocol}`
    const friend = await simulator.phone()
    const line = unlinkedLine(gateway, await simulator.phone(), name, await createInstance(account, name))
    await line.api.post(`/api/events/webhook/${name}`, { enabled: true, url: receiver.url, mediaBase64: true })
    await line.api.post(`/api/instance/proxy/${name}`, settings(protocol))
    await scanQr(line)
    await line.waitFor('connected')
    const toMedia = () => proxy.targets().filter((target) => target === crossing.media).length

    const before = toMedia()
    const picture = png(60, 40)
    const sent = await line.api.post(`/api/message/media/${name}`, {
      number: friend.number,
      mediaType: 'document',
      fileName: 'picture.png',
      mediaBase64: picture.toString('base64'),
    })
    expect(sent).toMatchObject({ status: 200 })
    const arrived = await friend.next({ id: text(sent.body, 'data.messageId') })
    expect(Buffer.from(text(arrived, 'media.base64'), 'base64')).toEqual(picture)
    const afterUpload = toMedia()
    expect(afterUpload).toBeGreaterThan(before)

    const photo = png(30, 20)
    const file = { bytes: photo, mimetype: 'image/png' }
    const id = await friend.send(line.phone.number, { imageMessage: { caption: 'see', mimetype: 'image/png' } }, { file })
    const event = await receiver.next({ event: 'message.exchange', data: { id } })
    expect(Buffer.from(text(event, 'data.message.media.base64'), 'base64')).toEqual(photo)
    // An upload may leave its connection open for the download.
    expect(toMedia()).toBeGreaterThanOrEqual(afterUpload)
    expect(proxy.refused()).toBe(0)
    expect(direct()).toBe(0)
  })

  it('a wrong password or a proxy that is gone: connecting fails for a reason, and nothing goes around the proxy', async () => {
    const gone = await startHttpProxy(credentials)
    await gone.close()
    const failures: [string, { [key: string]: Json }, RegExp][] = [
      ...protocols.map((protocol): [string, { [key: string]: Json }, RegExp] => [
        `locked-${protocol}`,
        settings(protocol, { password: 'wrong' }),
        /^Failed to connect: the proxy refused the user name or password$/,
      ]),
      ['gone', settings('http', { port: String(gone.port) }), /^Failed to connect: the proxy cannot be used: connection refused$/],
    ]
    const before = crossing.connections()
    for (const [name, proxy, reason] of failures) {
      await createInstance(account, name, { webhookEnabled: true, webhookURL: receiver.url })
      expect(await account.post(`/api/instance/proxy/${name}`, proxy)).toMatchObject({ status: 200 })
      const answer = await account.get(`/api/instance/connect/${name}`)
      expect(answer.status).toBe(500)
      expect(text(answer.body, 'error.message')).toMatch(reason)
      await receiver.next({ event: 'instance.state', data: { instance: name, state: 'connect_failure', reason: 'proxy' } })
      const listed = (await account.get('/api/instance/list')).body
      expect(
        matches(listed, { instances: (all) => Array.isArray(all) && all.some((one) => matches(one, { name, status: 'disconnected' })) }),
      ).toBe(true)
    }
    for (const protocol of protocols) expect(proxies[protocol].refused()).toBeGreaterThan(0)
    expect(crossing.connections()).toBe(before)
  })

  it('a linked instance whose proxy stops working is disconnected, and back with a proxy that works', async () => {
    const line = await linkedLine(gateway, account, await simulator.phone(), 'moves', { webhookEnabled: true, webhookURL: receiver.url })
    await line.api.post('/api/instance/proxy/moves', settings('socks5', { password: 'wrong' }))
    const before = crossing.connections()
    expect(await line.api.post('/api/instance/reconnect/moves')).toMatchObject({ status: 200 })
    await receiver.next({ event: 'instance.state', data: { instance: 'moves', state: 'connect_failure', reason: 'proxy' } })
    expect(crossing.connections()).toBe(before)
    await line.api.post('/api/instance/proxy/moves', settings('https'))
    await line.api.post('/api/instance/reconnect/moves')
    await line.waitFor('connected')
  })

  it('is nowhere the operator has not allowed', async () => {
    await createInstance(account, 'curious')
    const set = (host: string) => account.post('/api/instance/proxy/curious', settings('http', { host }))
    for (const host of ['10.0.0.1', '169.254.169.254', '0xa9fea9fe', '127.0.0.2', '0x7f.2', '::1', '[::ffff:10.0.0.1]'])
      expect(await set(host)).toMatchObject({ status: 400, body: { success: false, error: { message: 'Proxy host is not allowed' } } })
    // A name is looked at when it is connected to.
    const strict = await startGateway({ network: crossing.url, env: { OUTBOUND_ALLOW: '' } })
    try {
      const api = strict.api(await createAccount(strict, 'curious'))
      await createInstance(api, 'curious')
      expect(await api.post('/api/instance/proxy/curious', settings('http', { host: 'localhost' }))).toMatchObject({ status: 200 })
      const asked = proxies.http.refused() + proxies.http.targets().length
      expect(await api.get('/api/instance/connect/curious')).toMatchObject({
        status: 500,
        body: { error: { message: 'Failed to connect: the proxy cannot be used: the address is not public' } },
      })
      expect(proxies.http.refused() + proxies.http.targets().length).toBe(asked)
    } finally {
      await strict.dispose()
    }
  })

  it('refuses what is no proxy, and forgets it on request', async () => {
    await createInstance(account, 'fussy')
    const set = (body: Record<string, string | number | boolean>) => account.post('/api/instance/proxy/fussy', body)
    const refused = (message: string) => ({ status: 400, body: { success: false, error: { message } } })
    expect(await set({ enabled: true, host: 'h', port: '1', protocol: 'ftp' })).toMatchObject(refused('Invalid proxy protocol'))
    expect(await set({ enabled: true, port: '1', protocol: 'http' })).toMatchObject(refused('Proxy host is required'))
    expect(await set({ enabled: true, host: 'h', port: '65536', protocol: 'http' })).toMatchObject(refused('Invalid proxy port'))
    expect(await set({ enabled: true, host: 'h', port: 8080, protocol: 'https' })).toMatchObject({
      status: 200,
      body: { proxy: { port: '8080' } },
    })
    expect(await set({ enabled: false })).toMatchObject({ status: 200, body: { message: 'Proxy configuration removed' } })
    expect(await account.get('/api/instance/getProxy/fussy')).toMatchObject({ status: 200, body: { proxy: { enabled: false } } })
  })

  it('its password is in no log', () => {
    expect(gateway.output()).not.toContain(credentials.password)
    expect(gateway.output()).not.toContain(Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64'))
  })
})
