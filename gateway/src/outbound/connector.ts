/** Opens connections to checked addresses: a name is resolved once, every address it has is checked, and only those are connected to. */

import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import type { Logger } from '../runtime/logging.ts'
import { isPublicAddress } from './addresses.ts'
import type { AllowList } from './allow-list.ts'
import { OutboundError } from './errors.ts'

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>

/** As every other program on the machine: `/etc/hosts`, then DNS. */
export const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true })

export interface GuardedConnector {
  allowList: AllowList
  resolve: Resolve
  /** For the connection itself, TLS included. */
  timeoutMs: number
  logger: Logger
}

export function guardedConnector({ allowList, resolve, timeoutMs, logger }: GuardedConnector): buildConnector.connector {
  const checkedAddresses = async (hostname: string, port: number): Promise<LookupAddress[]> => {
    const family = isIP(hostname)
    const addresses = family === 0 ? await resolve(hostname) : [{ address: hostname, family }]
    const refused = addresses.find(({ address }) => !isPublicAddress(address) && !allowList.allowsAddress(address, port))
    if (refused && !allowList.allowsName(hostname, port)) {
      logger.debug(
        { host: hostname, port, address: refused.address },
        'An outgoing request to a private address was refused; OUTBOUND_ALLOW can allow it',
      )
      throw new OutboundError('blocked', 'the address is not public')
    }
    return addresses
  }

  return (options, callback) => {
    const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80))
    checkedAddresses(options.hostname, port).then(
      (addresses) =>
        buildConnector({ lookup: always(addresses), timeout: timeoutMs, allowH2: false, maxCachedSessions: 0 })(options, callback),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    )
  }
}

/** In place of a second look-up, which could give another answer than the one that was checked. */
const always =
  (addresses: LookupAddress[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    const [first] = addresses
    if (all) callback(null, addresses)
    else if (first) callback(null, first.address, first.family)
    else callback(Object.assign(new Error('No address'), { code: 'ENOTFOUND' }), '', 0)
  }
