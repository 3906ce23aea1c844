/** What callers hand in, by every way, and the texts they get when it cannot be taken. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LongValue } from '../../http/long-value.ts'
import { createOutbound, type Outbound } from '../../outbound/outbound.ts'
import { createLogger } from '../../runtime/logging.ts'
import { decodeBase64 } from '../base64.ts'
import { chooseMimeType } from '../detect.ts'
import { createFetch, type Fetch } from '../fetch.ts'
import { cleanName, fileNameOf } from '../source.ts'
import { createTemporaryFolder } from '../temporary-folder.ts'

const LIMIT = 1024 * 1024
const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
const large = randomBytes(LIMIT + 1)

let home: string
let server: Server
let base: string
let outbound: Outbound
let fetch: Fetch

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ryzeapi-fetch-'))
  server = createServer((request, response) => {
    if (request.url === '/cat.png') response.writeHead(200, { 'content-type': 'text/plain' }).end(png)
    else if (request.url === '/named')
      response.writeHead(200, { 'content-disposition': 'attachment; filename="r\u00e9port.pdf"' }).end('%PDF-1.4 x')
    else if (request.url === '/large') response.writeHead(200).end(large)
    else if (request.url === '/empty') response.writeHead(200).end()
    else if (request.url === '/moved') response.writeHead(302, { location: '/cat.png' }).end()
    else if (request.url === '/cut') response.writeHead(200, { 'content-length': '100' }).end('x', () => response.destroy())
    else response.writeHead(404).end('no')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  base = `http://127.0.0.1:${port}`
  outbound = createOutbound({ allow: [`127.0.0.1:${port}`], logger: createLogger('silent') })
  const folder = createTemporaryFolder(home)
  await folder.open()
  fetch = createFetch({ outbound, folder, limit: LIMIT, timeoutMs: 5_000 })
})
afterAll(async () => {
  await outbound.close()
  server.closeAllConnections()
  server.close()
  await rm(home, { recursive: true, force: true })
})

const left = () => readdir(join(home, 'tmp'))

describe('taken', () => {
  test.each([
    ['an address', () => ({ url: `${base}/cat.png` }), 'image/png', 'cat.png'],
    ['an address that moved', () => ({ url: `${base}/moved` }), 'image/png', 'moved'],
    ['base64', () => ({ base64: png.toString('base64') }), 'image/png', null],
    ['base64 in mediaUrl', () => ({ url: png.toString('base64') }), 'image/png', null],
    ['base64 of URLs, without padding', () => ({ base64: png.toString('base64url') }), 'image/png', null],
    ['base64 in lines', () => ({ base64: png.toString('base64').replace(/.{20}/g, '$&\r\n') }), 'image/png', null],
    ['a data URL', () => ({ url: `data:image/png;base64,${png.toString('base64')}` }), 'image/png', null],
    ['a data URL in mediaBase64', () => ({ base64: `data:;base64,${png.toString('base64')}` }), 'image/png', null],
  ])('%s', async (_name, source, mimeType, fileName) => {
    const file = await fetch(source())
    expect(await readFile(file.path)).toEqual(png)
    expect(file).toMatchObject({ size: png.length, mimeType, fileName })
    await file.discard()
    await file.discard()
    expect(await left()).toEqual([])
  })

  test('what the caller says of it wins where the content does not speak', async () => {
    const file = await fetch({ base64: Buffer.from('a,b\n1,2').toString('base64'), fileName: '../../etc/table.csv' })
    expect(file).toMatchObject({ mimeType: 'text/csv', fileName: 'table.csv' })
    await file.discard()
    const named = await fetch({ url: `${base}/named` })
    expect(named.mimeType).toBe('application/pdf')
    await named.discard()
  })

  test('a data URL of text', async () => {
    const file = await fetch({ url: 'data:text/html,%3Cp%3Ehi%3C/p%3E' })
    expect([await readFile(file.path, 'utf8'), file.mimeType]).toEqual(['<p>hi</p>', 'text/html'])
    await file.discard()
  })

  test('a value that waits on disk, and an uploaded file', async () => {
    const text = join(home, 'spooled-text')
    await writeFile(text, `data:image/png;base64,${png.toString('base64')}`)
    const size = png.length
    const long = new LongValue({ path: text, size: 999 }, { encoding: 'text', mimeType: null, fileName: null })
    const upload = join(home, 'spooled-bytes')
    await writeFile(upload, png)
    const uploaded = new LongValue({ path: upload, size }, { encoding: 'bytes', mimeType: 'image/x', fileName: 'a.png' })
    for (const [value, fileName] of [
      [long, null],
      [uploaded, 'a.png'],
    ] as const) {
      const file = await fetch({ base64: value })
      expect(await readFile(file.path)).toEqual(png)
      expect(file).toMatchObject({ mimeType: 'image/png', fileName, size })
      await file.discard()
    }
  })
})

describe('a value that is held in memory', () => {
  const held = (text: string, piece = 1000): LongValue => {
    const bytes = Buffer.from(text)
    const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, n) => bytes.subarray(n * piece, (n + 1) * piece))
    return new LongValue({ held: pieces }, { encoding: 'text', mimeType: null, fileName: null })
  }
  const base64 = png.toString('base64')

  test.each([
    ['base64', () => ({ base64: held(base64, 7) }), png, 'image/png'],
    ['base64 as an address', () => ({ url: held(base64) }), png, 'image/png'],
    ['base64 in groups', () => ({ base64: held(base64.replace(/.{76}/g, '$& ')) }), png, 'image/png'],
    ['base64 after a blank', () => ({ base64: held(` ${base64} `) }), png, 'image/png'],
    ['a data URL', () => ({ url: held(`data:image/png;base64,${base64}`, 5) }), png, 'image/png'],
    ['a data URL of text', () => ({ url: held(`data:text/html,${'%3Cp%3E'.repeat(1000)}`) }), Buffer.from('<p>'.repeat(1000)), 'text/html'],
    ['an address', () => ({ url: held(`${base}/cat.png`) }), png, 'image/png'],
  ])('%s', async (_name, source, content, mimeType) => {
    const file = await fetch(source())
    expect(await readFile(file.path)).toEqual(content)
    expect(file).toMatchObject({ mimeType, size: content.length })
    await file.discard()
  })

  test.each([
    ['no base64', () => ({ base64: held(`${base64}!`) }), 'Failed to process media: not valid base64'],
    ['an end in the middle', () => ({ base64: held(`${'aGk='.repeat(100)}`) }), 'Failed to process media: not valid base64'],
    ['an address as base64', () => ({ base64: held('https://example.org/a') }), 'Failed to process media: not valid base64'],
    ['too much', () => ({ base64: held(large.toString('base64')) }), 'Media must be at most 1 MB'],
    ['nothing', () => ({ base64: held('data:image/png;base64,') }), 'Failed to process media: the file is empty'],
  ])('refused: %s', async (_name, source, message) => {
    await expect(fetch(source())).rejects.toMatchObject({ status: 400, message })
    expect(await left()).toEqual([])
  })
})

describe('refused', () => {
  test.each([
    ['nothing', () => ({}), 'Provide exactly one of mediaUrl or mediaBase64'],
    ['blank', () => ({ url: '  ', base64: '' }), 'Provide exactly one of mediaUrl or mediaBase64'],
    ['both', () => ({ url: `${base}/cat.png`, base64: 'aGk=' }), 'Provide exactly one of mediaUrl or mediaBase64'],
    ['a missing page', () => ({ url: `${base}/nothing` }), 'Failed to download media: the server answered 404'],
    ['a server that hangs up', () => ({ url: `${base}/cut` }), 'Failed to download media: connection closed'],
    ['nobody there', () => ({ url: 'http://127.0.0.1:1/x' }), /^Failed to download media: /],
    ['an address inside the network', () => ({ url: 'http://169.254.169.254/latest' }), /^Failed to download media: /],
    ['a file', () => ({ url: 'file:///etc/passwd' }), 'Failed to download media: not an http or https address'],
    ['an empty file', () => ({ url: `${base}/empty` }), 'Failed to process media: the file is empty'],
    ['no base64', () => ({ base64: 'hello, world!' }), 'Failed to process media: not valid base64'],
    ['half a base64 digit', () => ({ base64: 'aGkab' }), 'Failed to process media: not valid base64'],
    ['an address as base64', () => ({ base64: 'https://example.org/a' }), 'Failed to process media: not valid base64'],
    ['a data URL without end', () => ({ url: 'data:image/png;base64' }), 'Failed to process media: not a valid data URL'],
    ['a large download', () => ({ url: `${base}/large` }), 'Media must be at most 1 MB'],
    ['a large base64', () => ({ base64: large.toString('base64') }), 'Media must be at most 1 MB'],
  ])('%s', async (_name, source, message) => {
    await expect(fetch(source())).rejects.toMatchObject({
      status: 400,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
    expect(await left()).toEqual([])
  })
})

test.each([1, 2, 3, 5, 64])('base64 in pieces of %i', async (piece) => {
  const bytes = randomBytes(100)
  const text = bytes.toString('base64')
  const pieces = (async function* () {
    for (let at = 0; at < text.length; at += piece) yield text.slice(at, at + piece)
  })()
  const decoded: Uint8Array[] = []
  for await (const chunk of decodeBase64(pieces)) decoded.push(chunk)
  expect(Buffer.concat(decoded)).toEqual(bytes)
})

test.each([
  ['image/png', { caller: 'image/jpeg', origin: null, fileName: 'a.gif' }, false, 'image/png'],
  [
    'application/zip',
    { caller: null, origin: null, fileName: 'a.DOCX' },
    false,
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  ],
  ['application/zip', { caller: 'image/png', origin: null, fileName: null }, false, 'application/zip'],
  [null, { caller: 'application/x-own', origin: 'text/html', fileName: 'a.csv' }, true, 'application/x-own'],
  [null, { caller: null, origin: 'text/html; charset=utf-8', fileName: null }, true, 'text/html; charset=utf-8'],
  [null, { caller: 'video/mp4', origin: null, fileName: null }, true, 'text/plain'],
  [null, { caller: 'nonsense', origin: 'application/octet-stream', fileName: null }, false, 'application/octet-stream'],
])('content %s with %o is %s', (found, hints, isText, expected) => {
  expect(chooseMimeType(found, hints, isText)).toBe(expected)
})

test.each([
  ['https://a.example/b/c.pdf?d=e', undefined, 'c.pdf'],
  ['https://a.example/b%20c.pdf', undefined, 'b c.pdf'],
  ['https://a.example/', undefined, null],
  ['https://a.example/x', 'attachment; filename="q\\"3.pdf"', 'q"3.pdf'],
  ['https://a.example/x', 'attachment; filename=q3.pdf; x=y', 'q3.pdf'],
  ['https://a.example/x', "attachment; filename=a; filename*=UTF-8''%C3%A9t%C3%A9.txt", 'été.txt'],
])('%s with %s is called %s', (url, disposition, expected) => expect(fileNameOf(url, disposition)).toBe(expected))

test.each([
  ['a/b\\c.txt', 'c.txt'],
  ['\u0000..', '..'],
  [' ', null],
  ['x'.repeat(300), 'x'.repeat(255)],
])('the name %j becomes %j', (name, expected) => expect(cleanName(name)).toBe(expected))
