/** Connections through an instance's proxy, to which the same addresses are open as to everything else a tenant names. */
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { socksConnector } from 'fetch-socks'
import type { AddressGuard } from '../../../outbound/address-guard.ts'
import { dial } from '../../../outbound/connector.ts'
import { networkFailure, OutboundError } from '../../../outbound/errors.ts'
import type { ProxyConfiguration } from '../../engine.ts'

/** A connection to this host and port; the proxy resolves the name, so that no look-up goes around it. Throws {@link ProxyError}. */
export type Tunnel = (host: string, port: number) => Promise<Socket>

/** The proxy is out of reach, at an address that is not allowed, or refuses us. The message names neither address nor credentials. */
export class ProxyError extends Error {
  override readonly name = 'ProxyError'
}

/** For reaching the proxy, and again for what it has to do. */
const TIMEOUT_MS = 15_000

/** `signal` ends what is on its way; open tunnels are their user's business. */
export const createTunnel = (proxy: ProxyConfiguration, guard: AddressGuard, signal: AbortSignal): Tunnel => {
  const open = proxy.protocol === 'socks5' ? openBySocks : openByConnect
  const peer = { host: proxy.host, port: proxy.port, tls: proxy.protocol === 'https' }
  return async (host, port) => {
    const socket = await dial({ guard, timeoutMs: TIMEOUT_MS }, peer).catch((error: unknown) => {
      throw new ProxyError(`the proxy cannot be used: ${wordsOf(error)}`, { cause: error })
    })
    const giveUp = () => socket.destroy(new ProxyError('the proxy is no longer needed'))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await open(socket, proxy, { host, port })
    } catch (error) {
      socket.destroy()
      throw error instanceof ProxyError ? error : new ProxyError(`the proxy failed: ${wordsOf(error)}`, { cause: error })
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }
}

const wordsOf = (error: unknown): string => (error instanceof OutboundError ? error.message : networkFailure(error))

interface Destination {
  host: string
  port: number
}

/** RFC 9110 §9.3.6, with Basic credentials (RFC 7617). */
const openByConnect = (socket: Socket, { username, password }: ProxyConfiguration, { host, port }: Destination): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
    const credentials = Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')
    const connect = request({
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...(username === null ? {} : { 'proxy-authorization': `Basic ${credentials}` }) },
      createConnection: () => socket,
      timeout: TIMEOUT_MS,
    })
    connect.once('connect', ({ statusCode = 0 }, _socket, head) => {
      if (statusCode < 200 || statusCode >= 300) return reject(new ProxyError(refusalOf(statusCode)))
      socket.setTimeout(0)
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    connect.once('timeout', () => reject(new ProxyError('the proxy does not answer')))
    connect.on('error', reject)
    connect.end()
  })

const refusalOf = (status: number): string =>
  status === 407 ? 'the proxy refused the user name or password' : `the proxy refused the connection with HTTP status ${status}`

/** RFC 1928, with user name and password (RFC 1929). */
const openBySocks = (socket: Socket, { host, port, username, password }: ProxyConfiguration, destination: Destination): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const credentials = username === null ? {} : { userId: username, password: password ?? '' }
    const connect = socksConnector({ type: 5, host, port, ...credentials }, { timeout: TIMEOUT_MS })
    // As plain HTTP: the TLS on top is for whoever uses the tunnel.
    connect({ hostname: destination.host, port: String(destination.port), protocol: 'http:', httpSocket: socket }, (error, tunnel) =>
      error === null ? resolve(tunnel) : reject(new ProxyError(socksRefusalOf(error))),
    )
  })

/** The library's texts are fixed ones. */
const socksRefusalOf = ({ message }: Error): string =>
  /authentication/i.test(message) ? 'the proxy refused the user name or password' : `the proxy failed: ${message}`
