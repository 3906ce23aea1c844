/** The media host as its clients meet it: over HTTPS, trusting nothing but the CA it names. */
import { createHash, X509Certificate } from 'node:crypto'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Seed } from '../seed.ts'
import { MediaHost } from './media-host.ts'
import { MediaStore } from './media-store.ts'
import { issueTlsMaterial } from './tls-certificate.ts'

const host = new MediaHost({ store: new MediaStore(), tls: issueTlsMaterial(Date.now()), seed: new Seed('media') })
const blob = Buffer.from('ciphertext of a picture')
const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('base64url')

beforeAll(() => host.listen())
afterAll(() => host.close())

interface Answer {
  status: number
  headers: NodeJS.Dict<string | string[]>
  body: Buffer
}

function send(
  method: string,
  path: string,
  options: { body?: Buffer; headers?: Record<string, string>; ca?: string; hostname?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const [, port] = host.hostname.split(':')
    const call = request(
      {
        method,
        path,
        port,
        hostname: options.hostname ?? '127.0.0.1',
        headers: options.headers,
        ca: options.ca ?? host.caPem,
        agent: false,
      },
      async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(Buffer.from(chunk))
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
      },
    )
    call.on('error', reject)
    call.end(options.body)
  })
}

const upload = (bytes: Buffer, path = `/mms/image/${hash(bytes)}`, auth = host.auth) =>
  send('POST', `${path}?auth=${auth}&token=x`, { body: bytes })

describe('certificate', () => {
  test('the CA signs itself and the server, and nobody else’s CA will do', async () => {
    const tls = issueTlsMaterial(Date.now())
    const [ca, server, other] = [tls.caPem, tls.certificatePem, issueTlsMaterial(Date.now()).caPem].map((pem) => new X509Certificate(pem))
    if (!ca || !server || !other) throw new Error('three certificates')
    expect([ca.ca, ca.verify(ca.publicKey), server.verify(ca.publicKey), server.verify(other.publicKey)]).toEqual([true, true, true, false])
    expect([server.checkIssued(ca), server.checkIP('127.0.0.1'), server.checkHost('localhost'), server.checkHost('example.org')]).toEqual([
      true,
      '127.0.0.1',
      'localhost',
      undefined,
    ])
    expect(server.checkPrivateKey((await import('node:crypto')).createPrivateKey(tls.keyPem))).toBe(true)
  })

  test('a client that does not know the CA refuses', async () => {
    await expect(send('GET', '/', { ca: issueTlsMaterial(Date.now()).caPem })).rejects.toThrow()
  })

  test('it is good for localhost, too', async () => {
    expect((await send('GET', '/nothing', { hostname: 'localhost' })).status).toBe(404)
  })
})

describe('blobs', () => {
  test('what was uploaded is downloaded, whole or in parts', async () => {
    const uploaded = await upload(blob)
    expect(uploaded.status).toBe(200)
    const { url, direct_path: directPath } = JSON.parse(uploaded.body.toString())
    expect(url).toBe(`${host.url}${directPath}&mms3=true`)
    expect(await send('GET', directPath)).toMatchObject({ status: 200, body: blob })
    const part = await send('GET', directPath, { headers: { range: 'bytes=11-' } })
    expect([part.status, part.body.toString(), part.headers['content-range']]).toEqual([206, 'of a picture', `bytes 11-22/${blob.length}`])
    expect((await send('GET', directPath, { headers: { range: 'bytes=99-' } })).status).toBe(416)
    expect(await send('HEAD', directPath)).toMatchObject({
      status: 200,
      headers: { 'content-length': String(blob.length) },
      body: Buffer.alloc(0),
    })
    expect(Buffer.from(await host.download({ directPath }))).toEqual(blob)
  })

  test.each([
    ['no token', () => upload(blob, undefined, ''), 401],
    ['another hash', () => upload(blob, `/mms/image/${hash(Buffer.from('x'))}`), 400],
    ['a path nobody knows', () => upload(blob, '/elsewhere'), 404],
  ])('%s: refused', async (_name, attempt, status) => {
    expect((await attempt()).status).toBe(status)
  })

  test('phones upload by hand and companions find it', async () => {
    const { directPath } = await host.upload({ bytes: blob, fileEncSha256: Buffer.alloc(32), kind: 'document' })
    expect((await send('GET', directPath)).body).toEqual(blob)
    await expect(host.download({ directPath: '/v/nothing' })).rejects.toThrow()
  })
})

test('pictures come and go', async () => {
  const id = host.storePicture(Buffer.from('jpeg'))
  const { directPath } = host.pictureLocation(id)
  expect(await send('GET', directPath)).toMatchObject({ status: 200, headers: { 'content-type': 'image/jpeg' }, body: Buffer.from('jpeg') })
  host.removePicture(id)
  expect((await send('GET', directPath)).status).toBe(404)
})

test('a full store forgets the oldest', () => {
  const store = new MediaStore(100)
  store.put('a', Buffer.alloc(60))
  store.put('b', Buffer.alloc(40))
  store.put('c', Buffer.alloc(30))
  expect([store.get('a'), store.get('b')?.length, store.bytes]).toEqual([undefined, 40, 70])
  expect(() => store.put('d', Buffer.alloc(101))).toThrow(RangeError)
})
