/** Opens connections, to what the guard lets through alone. */
import type { LookupAddress } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'
import { buildConnector } from 'undici'
import type { AddressGuard } from './address-guard.ts'

export interface GuardedConnector {
  guard: AddressGuard
  /** Milliseconds for the connection itself, TLS included. */
  timeoutMs: number
  /** Certificate authority to trust in place of the system's, PEM. */
  ca?: string
}

export function guardedConnector({ guard, timeoutMs, ca }: GuardedConnector): buildConnector.connector {
  const options = { timeout: timeoutMs, allowH2: false, maxCachedSessions: 0, ...(ca === undefined ? {} : { ca }) }
  return (target, callback) => {
    const port = Number(target.port || (target.protocol === 'https:' ? 443 : 80))
    guard.addressesOf(target.hostname, port).then(
      (addresses) => buildConnector({ ...options, lookup: always(addresses) })(target, callback),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    )
  }
}

export interface Peer {
  host: string
  port: number
  /** Speak TLS with it, under its own name. */
  tls: boolean
}

/** A bare connection. Throws `OutboundError` (`blocked`) or what the network says. */
export const dial = (options: GuardedConnector, { host, port, tls }: Peer): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const target = { hostname: host, host, port: String(port), protocol: tls ? 'https:' : 'http:' }
    guardedConnector(options)(target, (error, socket) => (error === null ? resolve(socket) : reject(error)))
  })

/** In place of a second look-up, which could give another answer than the one that was checked. */
const always =
  (addresses: LookupAddress[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    const [first] = addresses
    if (all) callback(null, addresses)
    else if (first) callback(null, first.address, first.family)
    else callback(Object.assign(new Error('No address'), { code: 'ENOTFOUND' }), '', 0)
  }
