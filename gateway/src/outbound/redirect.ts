/** Where a redirect leads, and what of the request goes along. */
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { OutboundError } from './errors.ts'

export interface Hop {
  url: string
  method: Dispatcher.HttpMethod
  headers: Record<string, string>
  body: string | Uint8Array | Readable | (() => Readable) | undefined
}

/**
 * Undefined when the answer is no redirect. As browsers do: 303, and 301 and 302 after a POST, become a GET without body; secrets stay
 * behind when the origin changes.
 */
export function followRedirect(hop: Hop, status: number, location: string | string[] | undefined): Hop | undefined {
  if (!isRedirect(status, location)) return undefined
  const target = URL.parse(location, hop.url)
  if (!target) throw new OutboundError('redirects', 'a redirect to nowhere')
  const becomesGet = (status === 303 && hop.method !== 'HEAD') || (status < 303 && hop.method === 'POST')
  const dropped = [...(becomesGet ? bodyHeaders : []), ...(target.origin === new URL(hop.url).origin ? [] : secretHeaders)]
  const headers = Object.fromEntries(Object.entries(hop.headers).filter(([name]) => !dropped.includes(name.toLowerCase())))
  if (becomesGet) return { url: target.href, method: 'GET', headers, body: undefined }
  if (typeof hop.body === 'object' && !(hop.body instanceof Uint8Array)) throw new OutboundError('redirects', 'a redirect of a stream')
  return { ...hop, url: target.href, headers }
}

export const isRedirect = (status: number, location: string | string[] | undefined): location is string =>
  [301, 302, 303, 307, 308].includes(status) && typeof location === 'string'

const bodyHeaders = ['content-type', 'content-length', 'content-encoding', 'content-language', 'transfer-encoding']
const secretHeaders = ['authorization', 'cookie', 'proxy-authorization', 'host']
