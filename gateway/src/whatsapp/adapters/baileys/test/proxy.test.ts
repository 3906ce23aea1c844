/** A proxy carries the socket, uploads and downloads; nothing goes around it, and none is reached where nothing may be reached. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import https from 'node:https'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { makeCertificate } from '../../../../../../acceptance/toolkit/certificate.ts'
import { startHttpProxy, startSocksProxy, type TestProxy } from '../../../../../../acceptance/toolkit/proxies.ts'
import { type AddressGuard, createAddressGuard } from '../../../../outbound/address-guard.ts'
import { createLogger } from '../../../../runtime/logging.ts'
import type { ProxyConfiguration } from '../../../engine.ts'
import { link, newId, relink, text } from '../../../test/linked-session.ts'
import { loopbackGuard as guard, type Simulator, simulatedWorld } from '../../../test/simulator.ts'
import type { World } from '../../../test/world.ts'
import { parseNetwork, type WhatsAppNetwork } from '../network.ts'
import { directRoutes, proxiedRoutes, type Routes } from '../proxy.ts'
import { createTunnel } from '../tunnel.ts'

const credentials = { username: 'user', password: 'p@ss:word' }
const certificate = makeCertificate()
const logger = createLogger('silent')

const start = {
  http: () => startHttpProxy(credentials),
  https: () => startHttpProxy(credentials, certificate),
  socks5: () => startSocksProxy(credentials),
}
const protocols = ['http', 'https', 'socks5'] as const

const usual = tls.getCACertificates('default')
beforeAll(() => tls.setDefaultCACertificates([...usual, certificate.certificate]))
afterAll(() => tls.setDefaultCACertificates(usual))

const running = async (protocol: keyof typeof start): Promise<TestProxy> => {
  const proxy = await start[protocol]()
  onTestFinished(() => proxy.close())
  return proxy
}

const at = (protocol: keyof typeof start, { port }: { port: number }, more: Partial<ProxyConfiguration> = {}): ProxyConfiguration => ({
  protocol,
  host: '127.0.0.1',
  port,
  ...credentials,
  ...more,
})

describe('routes', () => {
  let world: World & { simulator: Simulator }
  let network: WhatsAppNetwork
  let media: string

  beforeAll(async () => {
    world = await simulatedWorld()
    network = parseNetwork(await world.simulator.call('GET', '/network'))
    media = new URL(network.mediaUrl).host
  }, 30_000)
  afterAll(() => world.close(), 30_000)

  /** Any answer of the media host proves the way there, TLS included. */
  const upload = ({ upload: agent }: Routes): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = https.request(`${network.mediaUrl}/nothing`, { agent, method: 'POST' }, (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
      request.on('error', reject)
      request.end()
    })
  const download = async ({ download: dispatcher }: Routes): Promise<number> => {
    // Node's own fetch, as Baileys uses it, with the dispatcher of the undici package: two generations that have to get along.
    const answer = await fetch(`${network.mediaUrl}/nothing`, { dispatcher } as RequestInit)
    await answer.arrayBuffer()
    return answer.status
  }
  const routesOver = (proxy: ProxyConfiguration, mediaCa: string | null = network.mediaCa) => {
    const routes = proxiedRoutes({ proxy, guard, mediaCa, secureSocket: false })
    onTestFinished(() => routes.close())
    return routes
  }

  it('without a proxy reach the media host by its own certificate authority', async () => {
    const routes = directRoutes({ mediaCa: network.mediaCa, guard })
    expect(await upload(routes)).toBeGreaterThan(0)
    expect(await download(routes)).toBeGreaterThan(0)
    routes.close()
    const strangers = directRoutes({ mediaCa: null, guard })
    await expect(upload(strangers)).rejects.toThrow()
    await expect(download(strangers)).rejects.toThrow()
    strangers.close()
  })

  it('without a proxy download nothing from where a message may not lead us', async () => {
    const nobody = createAddressGuard({ allow: [], logger })
    const routes = directRoutes({ mediaCa: network.mediaCa, guard: nobody })
    await expect(download(routes)).rejects.toMatchObject({ cause: { reason: 'blocked' } })
    routes.close()
  })

  it.each(protocols)('through %s carry the session, uploads and downloads', async (protocol) => {
    const proxy = await running(protocol)
    const bob = await world.person('Bob')
    const observed = await link(world, await world.person('Hidden'), { proxy: at(protocol, proxy) })
    const id = newId()
    await observed.send(bob, text('through the tunnel'), { id })
    expect(await bob.received(id)).toMatchObject({ text: 'through the tunnel' })
    expect(new Set(proxy.targets())).toEqual(new Set([new URL(network.whatsappUrl).host]))

    const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-proxy-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'up'), 'a document')
    const session = proxy.targets().length
    const uploaded = await observed.session.uploadMedia({ path: join(folder, 'up'), kind: 'document' })
    expect(proxy.targets().slice(session)).toEqual([media])
    const reference = { kind: 'document', mediaKey: null, fileEncSha256: null, ...uploaded } as const
    await observed.session.downloadMedia(reference, { path: join(folder, 'down'), maxBytes: 1_000 })
    expect(await readFile(join(folder, 'down'), 'utf8')).toBe('a document')
    expect(proxy.targets().slice(session)).toEqual([media, media])
    await observed.session.stop()

    const before = proxy.targets().length
    const routes = routesOver(at(protocol, proxy))
    expect(await upload(routes)).toBeGreaterThan(0)
    expect(await download(routes)).toBeGreaterThan(0)
    expect(proxy.targets().slice(before)).toEqual([media, media])
    expect(proxy.refused()).toBe(0)
    const strangers = routesOver(at(protocol, proxy), null)
    await expect(upload(strangers)).rejects.toThrow()
    await expect(download(strangers)).rejects.toThrow()
  })

  it.each(protocols)('through %s that refuses us end, for a reason', async (protocol) => {
    const proxy = await running(protocol)
    const wrong = at(protocol, proxy, { password: 'wrong' })
    const before = await link(world, await world.person('Refused'))
    await before.session.stop()
    const after = relink(world, before, { proxy: wrong })
    expect(await after.next('closed')).toMatchObject({ reason: 'proxy', detail: 'the proxy refused the user name or password' })
    const routes = routesOver(wrong)
    await expect(upload(routes)).rejects.toMatchObject({ name: 'ProxyError' })
    await expect(download(routes)).rejects.toMatchObject({ cause: { name: 'ProxyError' } })
    expect(proxy.refused()).toBe(3)
    expect(proxy.targets()).toEqual([])
  })

  it('through a proxy that is gone end, for a reason', async () => {
    const proxy = await start.http()
    await proxy.close()
    const observed = relink(world, await unlinked(world), { proxy: at('http', proxy) })
    expect(await observed.next('closed')).toMatchObject({ reason: 'proxy', detail: 'the proxy cannot be used: connection refused' })
  })
})

/** A person nobody is linked to yet. */
const unlinked = async (world: World) => {
  const observed = await link(world, await world.person('Stays away'))
  await observed.session.stop()
  return observed
}

describe('the address of a proxy', () => {
  const never = new AbortController().signal
  const open = (proxy: ProxyConfiguration, over: AddressGuard) => createTunnel(proxy, over, never)('web.whatsapp.com', 443)
  const strict = (resolve?: () => Promise<{ address: string; family: number }[]>) => createAddressGuard({ allow: [], logger, resolve })

  const spellings = ['127.0.0.1', '127.1', '0x7f.1', '0177.0.0.1', '2130706433', '127.0.0.1.', '0.0.0.0', '::1', '::ffff:127.0.0.1']
  const elsewhere = ['10.0.0.1', '169.254.169.254', '0xa9fea9fe', '100.64.0.1', 'fd00::1', '64:ff9b::7f00:1', '2002:7f00:1::']
  it.each([...spellings, ...elsewhere, 'localhost'])('%s is no place for one', async (host) => {
    const proxy = await running('http')
    for (const protocol of protocols)
      await expect(open(at(protocol, proxy, { host }), strict())).rejects.toMatchObject({
        name: 'ProxyError',
        message: 'the proxy cannot be used: the address is not public',
      })
    expect([proxy.targets(), proxy.refused()]).toEqual([[], 0])
  })

  it.each([
    ['one private address', ['10.0.0.1']],
    ['a private address among public ones', ['93.184.216.34', '127.0.0.1']],
    ['a private address in other clothes', ['::ffff:127.0.0.1']],
  ])('a name with %s is no place for one either', async (_, addresses) => {
    const resolve = async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    await expect(open(at('socks5', { port: 1 }, { host: 'proxy.example' }), strict(resolve))).rejects.toThrow('not public')
  })

  it.each(protocols)('%s: a name is looked up once, and what was looked at is connected to', async (protocol) => {
    const [target, connections] = await silentServer()
    const proxy = await running(protocol)
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.3']
    const changing = async () => [{ address: answers.shift() ?? '', family: 4 }]
    const over = createAddressGuard({ allow: [`127.0.0.1:${proxy.port}`], logger, resolve: changing })
    const tunnel = createTunnel(at(protocol, proxy, { host: 'localhost' }), over, never)
    const socket = await tunnel('127.0.0.1', target)
    expect(answers).toHaveLength(2)
    expect(connections()).toBe(1)
    socket.destroy()
    // The next connection asks again, and the name has moved to where nothing may be.
    await expect(tunnel('127.0.0.1', target)).rejects.toThrow('not public')
    expect(proxy.targets()).toHaveLength(1)
  })

  it.each(['nonsense', 'HTTP/1.1 503 Service Unavailable\r\n\r\n', ''])('a proxy that answers "%s" fails', async (answer) => {
    const [port] = await silentServer((socket) => socket.end(answer))
    for (const protocol of ['http', 'socks5'] as const)
      await expect(open(at(protocol, { port }), guard)).rejects.toMatchObject({
        name: 'ProxyError',
        message: /^the proxy (failed|refused)/,
      })
  })

  it('an https proxy nobody vouches for is not spoken to', async () => {
    const stranger = await startHttpProxy(credentials, makeCertificate())
    onTestFinished(() => stranger.close())
    await expect(open(at('https', stranger), guard)).rejects.toMatchObject({ message: /^the proxy cannot be used: \w+$/ })
    expect(stranger.refused()).toBe(0)
  })

  it('an ended session waits for no proxy', async () => {
    const [port] = await silentServer()
    for (const protocol of ['http', 'socks5'] as const) {
      const ended = new AbortController()
      const opening = createTunnel(at(protocol, { port }), guard, ended.signal)('web.whatsapp.com', 443)
      ended.abort()
      await expect(opening).rejects.toMatchObject({ name: 'ProxyError' })
    }
  })
})

/** Listens, and says nothing unless told to; gives its port and how many came. */
const silentServer = async (greet: (socket: Socket) => void = () => {}): Promise<[port: number, connections: () => number]> => {
  let connections = 0
  const open = new Set<Socket>()
  const server: Server = createServer((socket) => {
    connections += 1
    open.add(socket)
    socket.on('error', () => {})
    greet(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const address = server.address()
  return [typeof address === 'object' && address !== null ? address.port : 0, () => connections]
}
