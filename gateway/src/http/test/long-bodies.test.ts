/** Long values in JSON, and uploads, for operations with `longValues`: over a real socket, since it is about how bytes come. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { takeOutLongStrings } from '../long-strings.ts'
import { LongValue, longText } from '../long-value.ts'
import { instanceOperation } from '../operation.ts'
import { createSpool, type Spool } from '../spool.ts'
import { type Harness, openHarness, tokens } from './harness.ts'

const KIB = 1024
let home: string
let spool: Spool
let harness: Harness
let url: string

const contentOf = async (value: LongValue): Promise<Buffer> => {
  const pieces: Uint8Array[] = []
  for await (const piece of value.read()) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Says what it was given; the content of files in base64. */
const echo = instanceOperation({
  id: 'echo',
  method: 'POST',
  once: false,
  path: '/api/echo/:instance',
  token: 'any',
  rateLimit: 'none',
  tag: 'Test',
  summary: 'Echo',
  longValues: true,
  body: z.object({
    number: z.string().nullish(),
    media: longText().nullish(),
    voice: z.boolean().nullish(),
    list: z.array(z.number()).nullish(),
    message: z.string().nullish(),
  }),
  answers: { 200: z.object({ body: z.string() }) },
  errors: [],
  handle: async ({ body }) => {
    const { media, ...rest } = body
    const shown =
      media instanceof LongValue
        ? {
            encoding: media.encoding,
            size: media.size,
            fileName: media.fileName,
            mimeType: media.mimeType,
            held: media.isHeld,
            content: (await contentOf(media)).toString('base64'),
          }
        : media
    return { status: 200, body: { body: JSON.stringify({ ...rest, media: shown }) } }
  },
})

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ryzeapi-long-'))
  spool = createSpool(home)
  await spool.open()
  harness = await openHarness({ operations: [echo], spool, settings: { bodyLimitKib: 1024, mediaLimitMib: 4 } })
  const { port } = await harness.server.listen({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${port}/api/echo/shop`
})
afterAll(async () => {
  harness.server.cut()
  await harness.server.close()
  await rm(home, { recursive: true, force: true })
})

const left = () => readdir(join(home, 'spool'))

const post = async (body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { method: 'POST', body, headers: { token: tokens.shop, ...headers } })
  const text = await answer.text()
  return { status: answer.status, body: JSON.parse(text) as { body?: string; error?: { message: string } } }
}
const json = (value: unknown) => post(typeof value === 'string' ? value : JSON.stringify(value), { 'content-type': 'application/json' })
const echoed = ({ body }: Awaited<ReturnType<typeof post>>) => JSON.parse(body.body ?? 'null') as Record<string, unknown>

describe('JSON', () => {
  test('short values are ordinary ones', async () => {
    expect(echoed(await json({ number: '1', media: 'aGk=', voice: true, list: [1] }))).toEqual({
      number: '1',
      media: 'aGk=',
      voice: true,
      list: [1],
    })
  })

  test('a long one is a file while the request lasts', async () => {
    const media = randomBytes(2_000_000).toString('base64')
    const body = echoed(await json({ number: '1', media, voice: false }))
    expect(body).toMatchObject({ number: '1', voice: false, media: { encoding: 'text', size: media.length, fileName: null, held: false } })
    expect(Buffer.from((body.media as { content: string }).content, 'base64').toString()).toBe(media)
    await expect.poll(left).toEqual([])
  })

  test('one of some hundred kilobytes stays in memory as bytes', async () => {
    const media = randomBytes(200_000).toString('base64')
    const { media: taken } = echoed(await json({ media }))
    expect(taken).toMatchObject({ encoding: 'text', size: media.length, held: true })
    expect(Buffer.from((taken as { content: string }).content, 'base64').toString()).toBe(media)
  })

  test.each([
    ['escapes', { media: `${'x'.repeat(100 * KIB)}"\u00e9` }],
    ['a field that takes ordinary strings only', { message: 'Ähre 🌾 '.repeat(10 * KIB), media: 'y'.repeat(10) }],
  ])('one of some hundred kilobytes is a string: %s', async (_name, body) => {
    expect(echoed(await json(body))).toEqual(body)
  })

  test.each([
    ['in a field that takes none', () => ({ message: 'x'.repeat(600 * KIB) }), 400, 'Invalid request body: message must be a string'],
    ['in a name', () => ({ ['x'.repeat(600 * KIB)]: 1 }), 200, undefined],
    ['too much of everything else', () => ({ list: Array(600 * KIB).fill(1) }), 413, 'Request body too large'],
    ['too long', () => ({ media: 'x'.repeat(9.5 * KIB * KIB) }), 413, 'Request body too large'],
    ['too many', () => ({ media: 'x'.repeat(6 * KIB * KIB), message: 'y'.repeat(6 * KIB * KIB) }), 413, 'Request body too large'],
  ])('%s', async (_name, body, status, message) => {
    const answer = await json(body())
    expect([answer.status, answer.body.error?.message]).toEqual([status, message])
    await expect.poll(left).toEqual([])
  })

  test.each([
    ['cut off', `{"media":"${'x'.repeat(700 * KIB)}`],
    ['with an escape that is none', `{"media":"${'x'.repeat(700 * KIB)}\\q"}`],
    ['not closed', `{"media":"${'x'.repeat(700 * KIB)}"`],
    ['an ordinary string with a line break in it', `{"message":"${'x'.repeat(100 * KIB)}\n"}`],
    [
      'an ordinary string that is not UTF-8',
      Buffer.concat([Buffer.from(`{"message":"${'x'.repeat(100 * KIB)}`), Buffer.from([0xff, 0x22, 0x7d])]),
    ],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('malformed: %s', async (_name, body) => {
    const answer = await post(body, { 'content-type': 'application/json' })
    expect([answer.status, answer.body.error?.message]).toEqual([400, 'Invalid request body: malformed JSON'])
    await expect.poll(left).toEqual([])
  })

  test('a client that hangs up in the middle leaves nothing behind', async () => {
    const { port } = new URL(url)
    const socket = connect(Number(port), '127.0.0.1')
    const head = `POST /api/echo/shop HTTP/1.1\r\nhost: x\r\ntoken: ${tokens.shop}\r\ncontent-type: application/json\r\ncontent-length: 9000000\r\n\r\n`
    socket.write(`${head}{"media":"${'x'.repeat(900 * KIB)}`)
    await expect.poll(async () => (await left()).length).toBe(1)
    socket.destroy()
    await expect.poll(left).toEqual([])
  })
})

describe('forms', () => {
  const form = (fields: Record<string, string>, files: Record<string, File> = {}) => {
    const data = new FormData()
    for (const [name, text] of Object.entries(fields)) data.append(name, text)
    for (const [name, file] of Object.entries(files)) data.append(name, file)
    return post(data)
  }

  test('a file, and fields that mean what they would in JSON', async () => {
    const bytes = randomBytes(300_000)
    const body = echoed(
      await form(
        { number: '5511', voice: 'true', list: '[1,2]', message: 'true', other: 'x' },
        { media: new File([bytes], 'höhe.bin', { type: 'application/x-thing' }) },
      ),
    )
    expect(body).toEqual({
      number: '5511',
      voice: true,
      list: [1, 2],
      message: 'true',
      media: {
        encoding: 'bytes',
        size: bytes.length,
        fileName: 'höhe.bin',
        mimeType: 'application/x-thing',
        held: false,
        content: bytes.toString('base64'),
      },
    })
    await expect.poll(left).toEqual([])
  })

  test.each([
    ['a field of the wrong kind', () => form({ voice: 'perhaps' }), 400, 'Invalid request body: voice must be true or false'],
    [
      'a file where none is taken',
      () => form({}, { message: new File(['x'], 'a') }),
      400,
      'Invalid request body: message must be a string',
    ],
    ['a form that is none', () => post('hello', { 'content-type': 'multipart/form-data' }), 400, 'Invalid request body: malformed form'],
    [
      'a form that is cut off',
      () => post('--x\r\n', { 'content-type': 'multipart/form-data; boundary=x' }),
      400,
      'Invalid request body: malformed form',
    ],
    ['another content type', () => post('hello', { 'content-type': 'text/plain' }), 415, 'Content-Type must be application/json'],
  ])('%s', async (_name, send, status, message) => {
    const answer = await send()
    expect([answer.status, answer.body.error?.message]).toEqual([status, message])
    await expect.poll(left).toEqual([])
  })
})

/** In pieces of one byte, so that every escape and every mark is cut somewhere. */
test.each([1, 2, 3, 7, 1000])('in pieces of %i', async (piece) => {
  const inside = `${'abc/+='.repeat(20)}é"\\\n\u2028`
  const held = 'd'.repeat(50)
  const escaped = `${'e'.repeat(50)}\n`
  const text = JSON.stringify({ a: 'short "quoted" \\', b: [inside, 1], c: `${inside}!`, d: held, e: escaped })
    .replace('+', '\\u002b')
    .replaceAll('/', '\\/')
  const bytes = Buffer.from(text)
  const pieces = (async function* () {
    for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
  })()
  let marks = 0
  const limits = { string: 40, heldString: 64, held: 10_000, total: 10_000 }
  const { json: shortened, values } = await takeOutLongStrings(pieces, spool, limits, () => `mark-${++marks}`)
  expect(JSON.parse(shortened.toString())).toEqual({ a: 'short "quoted" \\', b: ['mark-1', 1], c: 'mark-2', d: 'mark-3', e: escaped })
  const texts = await Promise.all([...values.values()].map(async (value) => (await contentOf(value)).toString()))
  expect(texts).toEqual([inside, `${inside}!`, held])
  expect([...values.values()].map(({ isHeld }) => isHeld)).toEqual([false, false, true])
  for (const value of values.values()) await value.discard()
})
