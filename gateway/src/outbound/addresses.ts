/** Which addresses belong to the public internet. */
import ipaddr from 'ipaddr.js'

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6

/**
 * True for what anybody may reach: not loopback, private, link-local, carrier-grade NAT, multicast, documentation or reserved, and not an
 * IPv6 spelling or tunnel (mapped, 6to4, Teredo, …) in which such an address could hide. False for text that is no address.
 */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false
  const address = ipaddr.parse(text)
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast' && !isAzurePlatform(address)
  // Networks without IPv4 reach all of it through this prefix (RFC 6052): what counts is the address inside.
  if (address.match(nat64)) return isPublicAddress(address.toByteArray().slice(12).join('.'))
  return address.match(globalUnicast) && address.range() === 'unicast'
}

/** RFC 4291: the only part of IPv6 that is given out. Leaves out `::127.0.0.1`, which has no range of its own in ipaddr.js. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')

/** A public number that inside Azure answers as the platform's metadata service. */
const isAzurePlatform = (address: ipaddr.IPv4): boolean => address.toString() === '168.63.129.16'
