/** An instance's S3 bucket, at AWS or anything that speaks the same (MinIO, R2, …), over the guarded client. */
import { Readable } from 'node:stream'
import { OutboundError } from '../../outbound/errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Clock } from '../../runtime/clock.ts'
import { EMPTY_HASH, encodeKey, sign } from './signature.ts'

/** As the instance's `s3` configuration says. */
export interface BucketConfiguration {
  region: string
  bucket: string
  accessKey: string
  secretKey: string
  /** `""`: AWS. Else addressed with the bucket in the path. */
  endpoint: string
  /** Begins every object's name. */
  pathPrefix: string
}

export interface Bucket {
  /** Where an object can be found, unsigned. */
  urlOf(key: string): string
  /** Throws {@link BucketError}. `stream` gives `size` bytes. */
  put(key: string, object: { size: number; sha256: string; mimeType: string; stream(): Readable; signal?: AbortSignal }): Promise<void>
  /** Null: there is no such object. Throws {@link BucketError}. */
  get(key: string): Promise<{ size: number; stream: Readable } | null>
  /** Throws {@link BucketError} when bucket or credentials are wrong. Keys that may write but not list are fine. */
  verify(): Promise<void>
}

/** In words for the bucket's owner; no secret, no address in it. */
export class BucketError extends Error {
  override readonly name = 'BucketError'
}

interface Collaborators {
  outbound: Pick<Outbound, 'request' | 'download'>
  clock: Clock
}

/** For a whole object. */
const TRANSFER_TIMEOUT_MS = 300_000
const VERIFY_TIMEOUT_MS = 5_000
const ANSWER_BYTES = 16 * 1024
/** Objects are what we put there, so this only keeps a hostile endpoint from never ending. */
const LARGEST_OBJECT = 4 * 1024 ** 3

export const openBucket = ({ outbound, clock }: Collaborators, configuration: BucketConfiguration): Bucket => {
  const { accessKey, secretKey } = configuration
  const region = configuration.region || 'us-east-1'
  const base = baseUrl(configuration, region)
  const urlOf = (key: string): string => `${base}/${encodeKey(key)}`

  const headersFor = (method: 'GET' | 'PUT', url: string, payloadHash: string, headers: Record<string, string> = {}) =>
    sign({ method, url: new URL(url), payloadHash, headers }, { accessKey, secretKey, region }, clock.now())

  const asked = async (url: string): Promise<void> => {
    const answer = await outbound.request({
      url,
      method: 'GET',
      headers: headersFor('GET', url, EMPTY_HASH),
      timeoutMs: VERIFY_TIMEOUT_MS,
      maxResponseBytes: ANSWER_BYTES,
      redirects: 0,
    })
    const code = codeIn(answer.body)
    // Some keys may only write; who knows the bucket and accepts the signature has said enough.
    if (answer.status === 403 && (code === 'AccessDenied' || code === 'Forbidden')) return
    if (answer.status !== 200) throw refusal(answer.status, code)
  }

  return {
    urlOf,

    put: (key, { size, sha256, mimeType, stream, signal }) =>
      telling(async () => {
        const url = urlOf(key)
        const answer = await outbound.request({
          url,
          method: 'PUT',
          headers: { ...headersFor('PUT', url, sha256, { 'content-type': mimeType }), 'content-length': String(size) },
          body: stream,
          timeoutMs: TRANSFER_TIMEOUT_MS,
          maxResponseBytes: ANSWER_BYTES,
          redirects: 0,
          ...(signal === undefined ? {} : { signal }),
        })
        if (answer.status !== 200) throw refusal(answer.status, codeIn(answer.body))
      }),

    get: (key) =>
      telling(async () => {
        const url = urlOf(key)
        const answer = await outbound.download({
          url,
          headers: headersFor('GET', url, EMPTY_HASH),
          timeoutMs: TRANSFER_TIMEOUT_MS,
          maxBytes: LARGEST_OBJECT,
          redirects: 0,
        })
        const size = Number([answer.headers['content-length']].flat()[0])
        const stream = Readable.from(answer.body, { objectMode: false })
        if (answer.status === 200 && Number.isSafeInteger(size)) return { size, stream }
        stream.destroy()
        if (answer.status === 404) return null
        throw refusal(answer.status, null)
      }),

    verify: () => telling(() => asked(`${base}?list-type=2&max-keys=0`)),
  }
}

/** Without a slash at the end. */
const baseUrl = ({ endpoint, bucket }: BucketConfiguration, region: string): string => {
  if (endpoint !== '') {
    const url = URL.parse(/^https?:\/\//i.test(endpoint) ? endpoint : `https://${endpoint}`)
    if (url === null) throw new BucketError('the endpoint is not an address')
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}/${encodeKey(bucket)}`
  }
  // A dot would not fit the certificate.
  return bucket.includes('.')
    ? `https://s3.${region}.amazonaws.com/${encodeKey(bucket)}`
    : `https://${encodeKey(bucket)}.s3.${region}.amazonaws.com`
}

const telling = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof BucketError) throw error
    throw new BucketError(error instanceof OutboundError ? error.message : 'the bucket cannot be reached', { cause: error })
  }
}

const words: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'the access key is unknown',
  SignatureDoesNotMatch: 'the secret key is wrong',
  AccessDenied: 'access denied',
  NoSuchBucket: 'the bucket does not exist',
  PermanentRedirect: 'the bucket is in another region',
  AuthorizationHeaderMalformed: 'the bucket is in another region',
  RequestTimeTooSkewed: 'the clock of this machine is wrong',
}

const refusal = (status: number, code: string | null): BucketError =>
  new BucketError(words[code ?? ''] ?? `the bucket answered ${status}${code === null ? '' : ` (${code})`}`)

/** Of the XML that refuses. */
const codeIn = (body: Buffer): string | null => /<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(body.toString('utf8'))?.[1] ?? null
