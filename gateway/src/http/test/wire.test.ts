/** Requests no HTTP client would send, byte for byte over a real socket: each is answered in the envelope, and the connection ends. */
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { wellFormed } from '../json-bodies.ts'
import { openOperation } from '../operation.ts'
import { type Harness, openHarness, refused, sampleOperations } from './harness.ts'

const echo = openOperation({
  id: 'sample.echo',
  method: 'POST',
  once: false,
  path: '/echo',
  token: 'none',
  rateLimit: 'none',
  tag: 'Sample',
  summary: 'Gives back what it got',
  body: z.looseObject({}),
  answers: { 200: z.looseObject({}) },
  errors: [],
  handle: async ({ body }) => ({ status: 200, body: body as object }),
})

const malformed = 'Invalid request body: malformed JSON'
const wrongType = 'Content-Type must be application/json'

describe('On the wire', () => {
  let harness: Harness
  let port: number
  beforeAll(async () => {
    harness = await openHarness({ operations: [...sampleOperations, echo] })
    port = (await harness.server.listen({ host: '127.0.0.1', port: 0 })).port
  })
  afterAll(() => harness.server.close())

  /** Sends the bytes and waits until the server has closed. */
  const exchange = (...parts: (string | Uint8Array)[]) =>
    new Promise<{ status: number; body: unknown }>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => {
        for (const part of parts) socket.write(part)
      })
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
      })
      socket.on('error', reject)
      socket.on('close', () => {
        const [head = '', body = ''] = answer.split('\r\n\r\n')
        resolve({ status: Number(head.split(' ')[1]), body: body.startsWith('{') ? JSON.parse(body) : body })
      })
    })

  const head = 'Host: x\r\nConnection: close\r\n'
  const upgrade =
    'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'

  it.each([
    ['no Host', 'GET /api/sample/list HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'Bad request'],
    ['a version there is not', 'GET /api/sample/list HTTP/9.9\r\n\r\n', 400, 'Bad request'],
    ['a method nobody knows', `FOO /api/sample/list HTTP/1.1\r\n${head}\r\n`, 400, 'Bad request'],
    ['WebDAV on a known path', `PROPFIND /api/sample/read/shop?x HTTP/1.1\r\n${head}\r\n`, 405, 'Method not allowed'],
    ['WebDAV on an unknown path', `PROPFIND /api/sample/shop HTTP/1.1\r\n${head}\r\n`, 404, 'Not found'],
    ['CONNECT', `CONNECT example.com:443 HTTP/1.1\r\n${head}\r\n`, 405, 'Method not allowed'],
    ['an expectation', `POST /echo HTTP/1.1\r\n${head}Expect: cake\r\nContent-Length: 2\r\n\r\n{}`, 417, 'Expectation Failed'],
    ['an upgrade to a broken URL', `GET /%zz HTTP/1.1\r\n${upgrade}\r\n`, 400, 'Invalid URL'],
    ['an upgrade to nowhere', `GET /nowhere HTTP/1.1\r\n${upgrade}\r\n`, 404, 'Not found'],
    ['an upgrade of a REST route', `GET /api/sample/list HTTP/1.1\r\n${upgrade}\r\n`, 400, 'This route is not a WebSocket'],
    ['two lengths', `POST /echo HTTP/1.1\r\n${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400, 'Bad request'],
    [
      'length and chunks',
      `POST /echo HTTP/1.1\r\n${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'Bad request',
    ],
    ['two tokens', `GET /api/sample/list HTTP/1.1\r\n${head}token: token-of-account-ada\r\ntoken: x\r\n\r\n`, 401, 'Invalid token'],
    ['a NUL in a header', `GET /api/sample/list HTTP/1.1\r\n${head}token: a\0b\r\n\r\n`, 400, 'Bad request'],
    ['too many headers', `GET / HTTP/1.1\r\n${head}${'x: y\r\n'.repeat(4000)}\r\n`, 431, 'Request Header Fields Too Large'],
    ['an overlong slash', `GET /api/sample/read/%c0%af HTTP/1.1\r\n${head}\r\n`, 400, 'Invalid URL'],
    ['half an emoji', `GET /api/sample/read/%ed%a0%80 HTTP/1.1\r\n${head}\r\n`, 400, 'Invalid URL'],
    ['a very long path', `GET /api/sample/read/${'a'.repeat(5000)} HTTP/1.1\r\n${head}\r\n`, 400, 'Invalid URL'],
    ['a doubled slash', `GET //api/sample/list HTTP/1.1\r\n${head}\r\n`, 404, 'Not found'],
    ['a path upwards', `GET /api/../health HTTP/1.1\r\n${head}\r\n`, 404, 'Not found'],
  ])('%s', async (_what, bytes, status, message) => {
    expect(await exchange(bytes)).toEqual({ status, body: refused(message) })
  })

  const post = (body: string | Uint8Array, type = 'application/json', more = '') =>
    exchange(`POST /echo HTTP/1.1\r\n${head}Content-Type: ${type}\r\n${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`, body)

  it.each<[what: string, body: string | Uint8Array, type: string, status: number, message: string]>([
    ['UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le'), 'application/json; charset=utf-16', 400, malformed],
    ['UTF-16 without a mark', Buffer.from('{"a":1}', 'utf16le'), 'application/json', 400, malformed],
    ['Latin-1', Buffer.from('{"a":"café"}', 'latin1'), 'application/json', 400, malformed],
    ['overlong UTF-8', Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), 'application/json', 400, malformed],
    ['surrogates as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'application/json', 400, malformed],
    ['gzip', gzipSync('{"a":1}'), 'application/json', 400, malformed],
    ['a NUL byte', '{"a":"\0"}', 'application/json', 400, malformed],
    ['NaN', '{"a":NaN}', 'application/json', 400, malformed],
    ['two documents', '{}{}', 'application/json', 400, malformed],
    ['JSONP', '{}', 'application/jsonp', 415, wrongType],
    ['another JSON', '{}', 'application/vnd.api+json', 415, wrongType],
    ['no type at all', '{}', ';;;', 415, wrongType],
    ['ten thousand brackets, none closed', '['.repeat(10_000), 'application/json', 400, malformed],
    [
      'ten thousand brackets',
      '['.repeat(10_000) + ']'.repeat(10_000),
      'application/json',
      400,
      'Invalid request body: the body must be an object',
    ],
  ])('a body in %s', async (_what, body, type, status, message) => {
    expect(await post(body, type)).toEqual({ status, body: refused(message) })
  })

  it('what is JSON is read as it was meant', async () => {
    expect(await post('\ufeff{"a":"é😀"}', 'APPLICATION/JSON; charset=utf-8')).toEqual({ status: 200, body: { a: 'é😀' } })
    expect((await post('{"a":"cut \\ud83d","b":["\\uDE00",{"c":"\\ud83d\\ude00"}]}')).body).toEqual({
      a: 'cut \ufffd',
      b: ['\ufffd', { c: '😀' }],
    })
    expect((await post('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"a":1}')).body).toEqual({ a: 1 })
  })

  it('who is refused while sending is heard out, and may go on asking on the same connection', async () => {
    const long = '"'.padEnd(3_000_000, 'x')
    const socket = connect(port, '127.0.0.1')
    let answers = ''
    socket.on('data', (chunk) => {
      answers += chunk
    })
    const ended = new Promise((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', resolve)
    })
    const request = (length: number, more = '') =>
      `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`
    socket.write(request(long.length))
    await expect.poll(() => answers).toContain('Request body too large')
    socket.write(long)
    socket.write(`${request(2, 'Connection: close\r\n')}{}`)
    await ended
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 413', 'HTTP/1.1 200'])
  })

  it('half pairs below ten thousand levels are found without a deep stack', async () => {
    const body = JSON.parse(`${'{"a":'.repeat(10_000)}"\\ud83d"${'}'.repeat(10_000)}`)
    expect(() => wellFormed(body)).not.toThrow()
    let inside = body
    while (typeof inside === 'object') inside = inside.a
    expect(inside).toBe('\ufffd')
  })
})
