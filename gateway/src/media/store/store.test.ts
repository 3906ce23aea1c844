/** The signature against Amazon's published examples; the bucket against a server that speaks S3 and checks signatures. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createOutbound, type Outbound } from '../../outbound/outbound.ts'
import { systemClock } from '../../runtime/clock.ts'
import { createLogger } from '../../runtime/logging.ts'
import { type S3Server, startS3 } from '../test/s3-server.ts'
import { type BucketConfiguration, openBucket } from './bucket.ts'
import { EMPTY_HASH, encodeKey, sign } from './signature.ts'

const hash = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples: Signature calculations". */
describe('signature', () => {
  const key = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', region: 'us-east-1' }
  const now = Date.UTC(2013, 4, 24)

  test.each([
    [
      'GET an object',
      { method: 'GET', path: '/test.txt', payloadHash: EMPTY_HASH, headers: { range: 'bytes=0-9' } } as const,
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT an object',
      {
        method: 'PUT',
        path: `/${encodeKey('test$file.text')}`,
        payloadHash: hash('Welcome to Amazon S3.'),
        headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      } as const,
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'list a bucket',
      { method: 'GET', path: '/?max-keys=2&prefix=J', payloadHash: EMPTY_HASH } as const,
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s', (_name, { path, ...request }, signature) => {
    const { authorization } = sign({ ...request, url: new URL(`https://examplebucket.s3.amazonaws.com${path}`) }, key, now)
    expect(authorization?.split('Signature=')[1]).toBe(signature)
  })

  test.each([
    ['a b/ç+&.jpg', 'a%20b/%C3%A7%2B%26.jpg'],
    ["(it's)!*", '%28it%27s%29%21%2A'],
  ])('%s in a path is %s', (name, encoded) => expect(encodeKey(name)).toBe(encoded))
})

describe('bucket', () => {
  let home: string
  let s3: S3Server
  let outbound: Outbound

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'ryzeapi-s3-'))
    s3 = await startS3(home, ['media', 'other'])
    outbound = createOutbound({ allow: ['127.0.0.1'], logger: createLogger('silent') })
  })
  afterAll(async () => {
    await outbound.close()
    await s3.close()
    await rm(home, { recursive: true, force: true })
  })

  const open = (changes: Partial<BucketConfiguration> = {}) =>
    openBucket({ outbound, clock: systemClock }, { ...s3.configuration('media'), ...changes })

  const object = (bytes: Buffer) => ({
    size: bytes.length,
    sha256: hash(bytes),
    mimeType: 'image/png',
    stream: () => Readable.from([bytes]),
  })

  test.each(['plain.png', 'with space/ümläut & (more)+.png'])('what is put as %s is got back', async (key) => {
    const bytes = randomBytes(300_000)
    await open().put(key, object(bytes))
    const got = await open().get(key)
    expect(got?.size).toBe(bytes.length)
    expect(bytes.equals(Buffer.concat(await (got?.stream.toArray() ?? [])))).toBe(true)
    expect(open().urlOf(key)).toBe(`${s3.url}/media/${encodeKey(key)}`)
  })

  test('what is not there is null', async () => expect(await open().get('nothing')).toBeNull())

  test('the right configuration is verified', async () => expect(await open().verify()).toBeUndefined())

  test.each([
    ['a bucket nobody made', { bucket: 'nowhere' }, 'the bucket does not exist'],
    ['a wrong secret', { secretKey: 'wrong' }, 'the secret key is wrong'],
    ['an unknown key', { accessKey: 'nobody' }, 'the access key is unknown'],
    ['a server that is not there', { endpoint: 'http://127.0.0.1:1' }, 'connection refused'],
    ['an address inside the network', { endpoint: 'http://169.254.169.254' }, /not allowed|not public|private/],
  ])('refused: %s', async (_name, changes, message) => {
    const bucket = open(changes)
    await expect(bucket.verify()).rejects.toThrow(message)
    await expect(bucket.put('key', object(Buffer.from('x')))).rejects.toThrow(message)
  })

  test('at Amazon the bucket stands in the name of the host', () => {
    const at = (bucket: string) => open({ endpoint: '', region: 'eu-west-1', bucket }).urlOf('a b')
    expect(at('media')).toBe('https://media.s3.eu-west-1.amazonaws.com/a%20b')
    expect(at('my.media')).toBe('https://s3.eu-west-1.amazonaws.com/my.media/a%20b')
  })
})
