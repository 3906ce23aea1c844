/**
 * The three ways out of a session: the socket, media uploads (a Node agent) and media downloads (an undici dispatcher). A proxy has to be
 * set in all three places or part of the traffic would bypass it (engine.md §3).
 */
import http, { type ClientRequestArgs } from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { connect as startTls } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, Dispatcher1Wrapper } from 'undici'
import type { AddressGuard } from '../../../outbound/address-guard.ts'
import { guardedConnector } from '../../../outbound/connector.ts'
import type { ProxyConfiguration } from '../../engine.ts'
import { createTunnel, type Tunnel } from './tunnel.ts'

export interface Routes {
  /** For the WebSocket; undefined: direct. */
  socket: https.Agent | undefined
  upload: https.Agent | undefined
  /** Made for Node's own fetch, which speaks an older dispatcher protocol than the undici package. */
  download: Dispatcher
  close(): void
}

/** `mediaCa`: certificate authority of the media host, PEM; null: the system's. */
interface Media {
  mediaCa: string | null
}

const CONNECT_TIMEOUT_MS = 10_000

/** WhatsApp names the hosts of socket and uploads, but what is downloaded from where stands in messages: `guard` looks at that. */
export const directRoutes = ({ mediaCa, guard }: Media & { guard: AddressGuard }): Routes => {
  const upload = mediaCa === null ? undefined : new https.Agent({ ca: mediaCa, keepAlive: true })
  const connect = guardedConnector({ guard, timeoutMs: CONNECT_TIMEOUT_MS, ...(mediaCa === null ? {} : { ca: mediaCa }) })
  const download = new Agent({ connect, allowH2: false })
  return {
    socket: undefined,
    upload,
    download: new Dispatcher1Wrapper(download),
    close() {
      upload?.destroy()
      void download.destroy()
    },
  }
}

export interface ProxiedRoutes extends Media {
  proxy: ProxyConfiguration
  /** Looks at the address of the proxy. */
  guard: AddressGuard
  /** The socket speaks TLS; only the simulator's does not. */
  secureSocket: boolean
}

export const proxiedRoutes = ({ proxy, guard, mediaCa, secureSocket }: ProxiedRoutes): Routes => {
  const closed = new AbortController()
  const tunnel = createTunnel(proxy, guard, closed.signal)
  const ca = mediaCa === null ? {} : { ca: mediaCa }
  const socket = secureSocket ? new SecureTunnels(tunnel, {}) : new PlainTunnels(tunnel)
  const upload = new SecureTunnels(tunnel, ca)
  const download = new Agent({ connect: tunnelConnector(tunnel, ca), allowH2: false })
  return {
    // Baileys calls it an https.Agent and uses it as any agent of Node.
    socket: socket as unknown as https.Agent,
    upload,
    download: new Dispatcher1Wrapper(download),
    close() {
      closed.abort()
      for (const agent of [socket, upload]) agent.destroy()
      void download.destroy()
    },
  }
}

type Created = (error: Error | null, stream: Duplex) => void

/** Node passes nothing but the error when there is one. */
const failed = (created: Created | undefined, error: unknown): void => {
  if (created !== undefined) Reflect.apply(created, undefined, [error])
}

class PlainTunnels extends http.Agent {
  readonly #tunnel: Tunnel

  constructor(tunnel: Tunnel) {
    super()
    this.#tunnel = tunnel
  }

  override createConnection({ host, port }: ClientRequestArgs, created?: Created): undefined {
    this.#tunnel(String(host), Number(port)).then(
      (socket) => created?.(null, socket),
      (error: unknown) => failed(created, error),
    )
  }
}

class SecureTunnels extends https.Agent {
  readonly #tunnel: Tunnel

  constructor(tunnel: Tunnel, options: https.AgentOptions) {
    super(options)
    this.#tunnel = tunnel
  }

  override createConnection(options: ClientRequestArgs, created?: Created): undefined {
    const { host, port } = options
    this.#tunnel(String(host), Number(port)).then(
      (socket) =>
        created?.(
          null,
          startTls({ ALPNProtocols: ['http/1.1'], ...options, host: String(host), port: Number(port), path: undefined, socket }),
        ),
      (error: unknown) => failed(created, error),
    )
  }
}

const tunnelConnector = (tunnel: Tunnel, ca: { ca?: string }): buildConnector.connector => {
  const secure = buildConnector({ ...ca, timeout: CONNECT_TIMEOUT_MS, allowH2: false, maxCachedSessions: 0 })
  return (target, callback) => {
    const isSecure = target.protocol === 'https:'
    tunnel(target.hostname, Number(target.port || (isSecure ? 443 : 80))).then(
      (httpSocket) => (isSecure ? secure({ ...target, httpSocket }, callback) : callback(null, httpSocket)),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    )
  }
}
