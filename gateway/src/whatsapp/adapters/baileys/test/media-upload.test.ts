/** Uploads to media hosts that refuse, hang up or say nonsense. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Agent } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type UploadBody, upload } from '../media-upload.ts'

type Host = (request: IncomingMessage, response: ServerResponse) => void

/** What the hosts of the present test do, by name. */
let hosts: Record<string, Host> = {}
/** `<host> <auth>`, in order. */
let asked: string[] = []
/** SHA-256 of each file. */
let received: Buffer[] = []
let home: string
let agent: Agent

const hashOf = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
const bytes = randomBytes(700_001)
const hash = hashOf(bytes)
const place = { url: 'https://mmg.whatsapp.net/v/x', directPath: '/v/x', handle: null }

const takes: Host = (request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => {
    received.push(hashOf(Buffer.concat(pieces)))
    response.end(JSON.stringify({ url: place.url, direct_path: place.directPath }))
  })
}
const refuses: Host = (_request, response) => void response.writeHead(401).end('no')
const hangsUp: Host = (request) => void request.socket.destroy()
const talksNonsense: Host = (request, response) => void request.resume().on('end', () => response.end('<html>'))

const server = createServer((request, response) => {
  const { host = '' } = request.headers
  asked.push(`${host} ${URL.parse(request.url ?? '', 'https://x')?.searchParams.get('auth')}`)
  hosts[host]?.(request, response)
})

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ryzeapi-upload-'))
  await writeFile(join(home, 'file'), bytes)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  // All hosts are this server, and speak no TLS.
  agent = Object.assign(new Agent(), { createConnection: () => connect(port, '127.0.0.1') })
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(home, { recursive: true })
})
beforeEach(() => {
  asked = []
  received = []
})

/** The key is `old` until the hosts are asked for anew. */
const uploading = (body: UploadBody, more: { signal?: AbortSignal } = {}) =>
  upload(body, '/mms/image', hash, {
    hosts: async (anew = false) => ({ hostnames: Object.keys(hosts), auth: anew ? 'new' : 'old' }),
    agent,
    ...more,
  })

describe.each([
  ['in memory', () => bytes],
  ['on disk', () => ({ path: join(home, 'file'), size: bytes.length })],
])('a file %s', (_name, body) => {
  test('arrives whole', async () => {
    hosts = { one: takes }
    expect(await uploading(body())).toEqual(place)
    expect(received).toEqual([hash])
  })

  test.each([
    ['refuses', refuses],
    ['hangs up', hangsUp],
    ['talks nonsense', talksNonsense],
  ])('goes to the next host where one %s', async (_what, first) => {
    hosts = { one: first, two: takes }
    expect(await uploading(body())).toEqual(place)
    expect([asked, received]).toEqual([['one old', 'two old'], [hash]])
  })

  test('goes with a fresh key where the one we have is too old', async () => {
    hosts = { one: (request, response) => (asked.at(-1) === 'one new' ? takes : refuses)(request, response) }
    expect(await uploading(body())).toEqual(place)
    expect([asked, received]).toEqual([['one old', 'one new'], [hash]])
  })

  test('is refused where nobody takes it', async () => {
    hosts = { one: refuses, two: hangsUp }
    await expect(uploading(body())).rejects.toMatchObject({ code: 'rejected', message: 'the media could not be uploaded' })
    expect(asked).toEqual(['one old', 'two old', 'one new', 'two new'])
  })

  test('is refused at once where nobody answers: another key would not help, and each try may take a minute', async () => {
    hosts = { one: hangsUp, two: hangsUp }
    await expect(uploading(body())).rejects.toMatchObject({ code: 'rejected' })
    expect(asked).toEqual(['one old', 'two old'])
  })

  test('is given up when nobody wants it any more', async () => {
    const given = new AbortController()
    hosts = { one: () => given.abort(new Error('enough')) }
    await expect(uploading(body(), { signal: given.signal })).rejects.toThrow('enough')
    expect(asked).toEqual(['one old'])
  })
})
