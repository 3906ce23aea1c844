/** A proxy carries the socket, uploads and downloads; nothing goes around it. */
import https from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { link, newId, text } from '../../../test/linked-session.ts'
import { type Simulator, simulatedWorld } from '../../../test/simulator.ts'
import type { World } from '../../../test/world.ts'
import { parseNetwork, type WhatsAppNetwork } from '../network.ts'
import { directRoutes, proxiedRoutes, type Routes } from '../proxy.ts'
import { httpProxy, socksProxy, type TestProxy } from './proxies.ts'

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

  it('without a proxy reach the media host by its own certificate authority', async () => {
    const routes = directRoutes(network.mediaCa)
    expect(await upload(routes)).toBeGreaterThan(0)
    expect(await download(routes)).toBeGreaterThan(0)
    routes.close()
    const strangers = directRoutes(null)
    await expect(upload(strangers)).rejects.toThrow()
    strangers.close()
  })

  it.each([
    ['an HTTP proxy', httpProxy],
    ['a SOCKS5 proxy', socksProxy],
  ])('through %s carry the session, uploads and downloads', async (_name, makeProxy) => {
    const proxy: TestProxy = await makeProxy()
    const bob = await world.person('Bob')
    const observed = await link(world, await world.person('Hidden'), { proxy: proxy.configuration })
    const id = newId()
    await observed.send(bob, text('through the tunnel'), { id })
    expect(await bob.received(id)).toMatchObject({ text: 'through the tunnel' })
    expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(network.whatsappUrl).host]))
    await observed.session.stop()

    proxy.tunnels.length = 0
    const routes = proxiedRoutes(proxy.configuration, network.mediaCa)
    expect(await upload(routes)).toBeGreaterThan(0)
    expect(proxy.tunnels).toEqual([media])
    expect(await download(routes)).toBeGreaterThan(0)
    expect(proxy.tunnels).toEqual([media, media])
    expect(proxy.refused).toBe(0)
    routes.close()
    await proxy.close()
  })

  it('through a proxy that refuses us end as lost', async () => {
    const proxy = await httpProxy()
    const before = await link(world, await world.person('Refused'))
    await before.session.stop()
    const { relink } = await import('../../../test/linked-session.ts')
    const after = relink(world, before, { proxy: { ...proxy.configuration, password: 'wrong' } })
    expect(await after.next('closed')).toMatchObject({ reason: 'lost' })
    expect(proxy.refused).toBeGreaterThan(0)
    await proxy.close()
  })
})
