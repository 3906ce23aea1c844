/**
 * Which addresses may be connected to: public ones, and what the operator allows. A name is judged by every address it has at the moment
 * of connecting, and only those are connected to: an answer that changes afterwards changes nothing.
 */
import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Logger } from '../runtime/logging.ts'
import { isPublicAddress } from './addresses.ts'
import { parseAllowList } from './allow-list.ts'
import { OutboundError } from './errors.ts'

export interface AddressGuard {
  /** False for an address, in any spelling that URLs have for it, that may not be connected to. True for every name: see `addressesOf`. */
  permits(host: string, port: number): boolean
  /** What to connect to. Throws `OutboundError` (`blocked`) when one of the addresses may not be, and whatever the look-up throws. */
  addressesOf(host: string, port: number): Promise<LookupAddress[]>
}

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>

export interface CreateAddressGuard {
  /** Entries of OUTBOUND_ALLOW: see allow-list.ts. */
  allow: string | readonly string[]
  logger: Logger
  /** For tests of names that change their address. */
  resolve?: Resolve
}

/** Throws `AllowListError` for a bad entry of `allow`. */
export const createAddressGuard = ({ allow, logger, resolve = systemResolve }: CreateAddressGuard): AddressGuard => {
  const allowList = parseAllowList(allow)
  const mayReach = (address: string, port: number) => isPublicAddress(address) || allowList.allowsAddress(address, port)
  return {
    permits(host, port) {
      const address = plainAddress(host)
      return address === null || mayReach(address, port)
    },
    async addressesOf(host, port) {
      const address = plainAddress(host)
      const addresses = address === null ? await resolve(host) : [{ address, family: isIP(address) }]
      const refused = addresses.find((one) => !mayReach(one.address, port))
      if (refused && !allowList.allowsName(host, port)) {
        logger.debug({ host, port, address: refused.address }, 'A connection to a private address was refused; OUTBOUND_ALLOW can allow it')
        throw new OutboundError('blocked', 'the address is not public')
      }
      return addresses
    },
  }
}

/** As every other program on the machine: `/etc/hosts`, then DNS. */
const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true })

/** The usual spelling of an address (`0x7f.1` is 127.0.0.1), null for a name. */
const plainAddress = (host: string): string | null => {
  const hostname = URL.parse(`http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}`)?.hostname ?? ''
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIP(address) === 0 ? null : address
}
