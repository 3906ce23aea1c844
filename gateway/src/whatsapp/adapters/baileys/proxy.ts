/**
 * The three ways out of a session: the socket, media uploads (a Node agent) and media downloads (an undici dispatcher). A proxy has to be
 * set in all three places or part of the traffic would bypass it (engine.md §3).
 */
import https from 'node:https'
import { socksDispatcher } from 'fetch-socks'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { SocksProxyAgent } from 'socks-proxy-agent'
import { Agent, type Dispatcher, Dispatcher1Wrapper, ProxyAgent } from 'undici'
import type { ProxyConfiguration } from '../../engine.ts'

export interface Routes {
  /** For the WebSocket; undefined: direct. */
  socket: https.Agent | undefined
  upload: https.Agent | undefined
  /** Made for Node's own fetch, which speaks an older dispatcher protocol than the undici package. */
  download: Dispatcher | undefined
  close(): void
}

/** `mediaCa`: certificate authority of the media host, PEM; null: the system's. */
export const directRoutes = (mediaCa: string | null): Routes => {
  if (mediaCa === null) return { socket: undefined, upload: undefined, download: undefined, close: () => {} }
  const upload = new https.Agent({ ca: mediaCa, keepAlive: true })
  const download = new Agent({ connect: { ca: mediaCa } })
  return { socket: undefined, upload, download: new Dispatcher1Wrapper(download), close: () => closeAll([upload], download) }
}

export const proxiedRoutes = (proxy: ProxyConfiguration, mediaCa: string | null): Routes => {
  const tls = mediaCa === null ? {} : { ca: mediaCa }
  if (proxy.protocol === 'socks5') {
    // socks5h: the proxy resolves names, so that no look-up goes around it.
    const socket = new SocksProxyAgent(urlOf(proxy, 'socks5h'))
    const upload = new SocksProxyAgent(urlOf(proxy, 'socks5h'))
    Object.assign(upload.options, tls)
    const download = socksDispatcher(
      {
        type: 5,
        host: proxy.host,
        port: proxy.port,
        ...(proxy.username === null ? {} : { userId: proxy.username, password: proxy.password ?? '' }),
      },
      { connect: tls },
    )
    return {
      socket: asHttps(socket),
      upload: asHttps(upload),
      download: new Dispatcher1Wrapper(download),
      close: () => closeAll([socket, upload], download),
    }
  }
  const socket = new HttpsProxyAgent(urlOf(proxy, proxy.protocol))
  const upload = new HttpsProxyAgent(urlOf(proxy, proxy.protocol))
  Object.assign(upload.options, tls)
  const credentials =
    proxy.username === null ? {} : { token: `Basic ${Buffer.from(`${proxy.username}:${proxy.password ?? ''}`).toString('base64')}` }
  const download = new ProxyAgent({ uri: `${proxy.protocol}://${proxy.host}:${proxy.port}`, requestTls: tls, ...credentials })
  return {
    socket: asHttps(socket),
    upload: asHttps(upload),
    download: new Dispatcher1Wrapper(download),
    close: () => closeAll([socket, upload], download),
  }
}

const urlOf = (proxy: ProxyConfiguration, scheme: string): URL => {
  const url = new URL(`${scheme}://${proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host}:${proxy.port}`)
  url.username = encodeURIComponent(proxy.username ?? '')
  url.password = encodeURIComponent(proxy.password ?? '')
  return url
}

/** Baileys types its agents as https.Agent and uses them as any Node agent. */
const asHttps = (agent: HttpsProxyAgent<string> | SocksProxyAgent): https.Agent => agent as unknown as https.Agent

const closeAll = (agents: readonly { destroy(): void }[], dispatcher: Dispatcher): void => {
  for (const agent of agents) agent.destroy()
  void dispatcher.destroy()
}
