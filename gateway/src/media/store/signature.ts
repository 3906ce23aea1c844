/** AWS Signature Version 4 of one request. Pure. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
import { createHash, createHmac } from 'node:crypto'

export interface Unsigned {
  method: 'GET' | 'HEAD' | 'PUT'
  /** With its query, everything encoded as {@link encodeKey} does. */
  url: URL
  /** SHA-256 of the body, hex. */
  payloadHash: string
  /** Further headers to be signed, names in lower case. */
  headers?: Readonly<Record<string, string>>
}

export interface SigningKey {
  accessKey: string
  secretKey: string
  region: string
}

/** SHA-256 of no body. */
export const EMPTY_HASH = createHash('sha256').digest('hex')

/** The headers to send, `host` excepted, which the client sets by itself. */
export const sign = ({ method, url, payloadHash, headers = {} }: Unsigned, key: SigningKey, now: number): Record<string, string> => {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '')
  const signed: Record<string, string> = { ...headers, host: url.host, 'x-amz-content-sha256': payloadHash, 'x-amz-date': time }
  const names = Object.keys(signed).sort()
  const canonical = [
    method,
    url.pathname,
    [...url.searchParams]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...names.map((name) => `${name}:${signed[name]?.trim()}`),
    '',
    names.join(';'),
    payloadHash,
  ].join('\n')
  const scope = `${time.slice(0, 8)}/${key.region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n')
  const secret = scope.split('/').reduce<Uint8Array>((last, step) => hmac(last, step), Buffer.from(`AWS4${key.secretKey}`))
  const authorization = `AWS4-HMAC-SHA256 Credential=${key.accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${hmac(secret, text).toString('hex')}`
  const { host: _, ...sent } = signed
  return { ...sent, authorization }
}

/** An object's name as it stands in a path: everything but letters, digits and `-._~/` is encoded. */
export const encodeKey = (key: string): string => key.split('/').map(encode).join('/')

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()
