/** What a URL says about where to go and who asks. */
import { OutboundError } from './errors.ts'

export interface Target {
  origin: string
  /** With the query. */
  path: string
  headers: Record<string, string>
}

/** Throws `OutboundError` (`invalid`). A user and password in the URL become Basic authorization, unless `headers` have their own. */
export function parseTarget(text: string, headers: Record<string, string>): Target {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) throw new OutboundError('invalid', 'not an http or https URL')
  const target = { origin: url.origin, path: url.pathname + url.search, headers }
  if ((url.username === '' && url.password === '') || Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'))
    return target
  const credentials = Buffer.from(`${decode(url.username)}:${decode(url.password)}`).toString('base64')
  return { ...target, headers: { ...headers, authorization: `Basic ${credentials}` } }
}

/** The URL parser lets a stray `%` through. */
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
