/**
 * Receivers on private networks that the operator allows (OUTBOUND_ALLOW), separated by commas:
 *
 *   n8n.internal          this name, whatever it resolves to      n8n.internal:5678     the same, on one port
 *   10.0.0.0/8, fd00::/8  addresses, also when a name leads there  192.168.1.20:8080    one address on one port
 */
import ipaddr from 'ipaddr.js'

export interface AllowList {
  /** `hostname` as the URL parser gives it. */
  allowsName(hostname: string, port: number): boolean
  allowsAddress(address: string, port: number): boolean
}

export class AllowListError extends Error {
  override readonly name = 'AllowListError'
}

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]
type Rule = { port: number | undefined } & ({ name: string } | { range: Range })

/** Throws `AllowListError`, naming the bad entry. */
export function parseAllowList(entries: string | readonly string[]): AllowList {
  const list = (typeof entries === 'string' ? entries.split(',') : entries).map((entry) => entry.trim()).filter((entry) => entry !== '')
  const rules = list.map(parseEntry)
  const onPort = (rule: Rule, port: number) => rule.port === undefined || rule.port === port
  return {
    allowsName: (hostname, port) => rules.some((rule) => 'name' in rule && rule.name === plainName(hostname) && onPort(rule, port)),
    allowsAddress(text, port) {
      if (!ipaddr.isValid(text)) return false
      const address = ipaddr.process(text)
      return rules.some((rule) => 'range' in rule && onPort(rule, port) && contains(rule.range, address))
    },
  }
}

const parseEntry = (entry: string): Rule => {
  const range = parseRange(entry)
  if (range) return { range, port: undefined }
  const [, host = '', digits] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(entry) ?? []
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && (port < 1 || port > 65_535)) throw wrong(entry)
  const address = parseRange(host.replace(/^\[(.*)\]$/, '$1'))
  if (address && !host.includes('/')) return { range: address, port }
  if (!isName(host)) throw wrong(entry)
  return { name: plainName(host), port }
}

const wrong = (entry: string) =>
  new AllowListError(`"${entry}" is not a host name, an address, one of them with a port (1-65535), or a network such as 10.0.0.0/8`)

/** Only the usual spellings: `10.1` or `0x0a000001` would hide what is allowed. */
const parseRange = (text: string): Range | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return [ipaddr.IPv4.parse(text), 32]
  if (ipaddr.IPv6.isValid(text)) return [ipaddr.IPv6.parse(text), 128]
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return ipaddr.IPv4.parseCIDR(text)
  if (ipaddr.IPv6.isValidCIDR(text)) return ipaddr.IPv6.parseCIDR(text)
  return undefined
}

const contains = ([network, bits]: Range, address: ipaddr.IPv4 | ipaddr.IPv6): boolean => {
  if (network instanceof ipaddr.IPv4) return address instanceof ipaddr.IPv4 && address.match(network, bits)
  return address instanceof ipaddr.IPv6 && address.match(network, bits)
}

/** Names only: what the URL parser would read as a number is an address in an unusual spelling. */
const isName = (text: string): boolean => {
  if (!/^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?$/i.test(text) || !URL.canParse(`http://${text}`)) return false
  return !ipaddr.isValid(new URL(`http://${text}`).hostname)
}

const plainName = (hostname: string): string => hostname.toLowerCase().replace(/\.$/, '')
