import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { StoreOverloadedError } from '../../storage/errors.ts'
import { ApiError } from '../errors.ts'
import { operation, required, requiredString } from '../operation.ts'
import { type Harness, openHarness, refused, tokens } from './harness.ts'

const body = z
  .object({
    number: requiredString('Number is required'),
    latitude: z.number(required('Latitude and longitude are required')).optional(),
    days: z.int().min(1, 'Invalid history value').max(365, 'Invalid history value').optional(),
    kind: z.enum(['text', 'image']).optional(),
    events: z.array(z.string()).max(3).optional(),
    proxy: z.object({ port: z.number().max(65535), host: z.string().min(2).optional() }).optional(),
    address: z.url().optional(),
    either: z.union([z.string(), z.number()]).optional(),
  })
  .refine(({ number, days }) => number !== 'alone' || days !== undefined, 'At least one setting must be provided')

const route = { token: 'any', rateLimit: 'none', tag: 'Sample', summary: 'Sample', errors: [] } as const
const operations = [
  operation({
    ...route,
    id: 'sample.send',
    method: 'POST',
    once: false,
    path: '/api/send',
    body,
    query: z.object({ limit: z.coerce.number().int().max(10).optional() }),
    answers: { 200: z.object({ number: z.string(), keys: z.array(z.string()) }) },
    handle: async ({ body }) => ({ status: 200, body: { number: body.number, keys: Object.keys(body) } }),
  }),
  operation({
    ...route,
    id: 'sample.plain',
    method: 'DELETE',
    path: '/api/plain',
    answers: { 200: z.object({ fine: z.boolean() }) },
    handle: async () => ({ status: 200, body: { fine: true } }),
  }),
  operation({
    ...route,
    id: 'sample.fault',
    method: 'GET',
    path: '/api/fault',
    answers: { 200: z.object({}) },
    handle: async () => {
      throw Object.assign(new Error('select secret from /work/x.ts'), { statusCode: 418, headers: { 'x-secret': '1' } })
    },
  }),
  operation({
    ...route,
    id: 'sample.overload',
    method: 'GET',
    path: '/api/overload',
    answers: { 200: z.object({}) },
    handle: async () => {
      throw new StoreOverloadedError(100_000)
    },
  }),
  operation({
    ...route,
    id: 'sample.reason',
    method: 'GET',
    path: '/api/reason',
    answers: { 200: z.object({}) },
    handle: async () => {
      throw new ApiError(500, 'Failed to reconnect: proxy refused')
    },
  }),
]

describe('Bad input', () => {
  let harness: Harness
  beforeAll(async () => {
    harness = await openHarness({ operations })
  })
  const json = { 'content-type': 'application/json' }
  const send = (raw: string, headers: Record<string, string> = json) =>
    harness.call('POST', '/api/send', { token: tokens.ada, headers, raw })

  it.each([
    ['{', 'Invalid request body: malformed JSON'],
    ['{"number":"1",}', 'Invalid request body: malformed JSON'],
    ['"text"', 'Invalid request body: the body must be an object'],
    ['null', 'Invalid request body: the body must be an object'],
    ['[]', 'Invalid request body: the body must be an object'],
    ['', 'Number is required'],
    ['{}', 'Number is required'],
    ['{"number":null}', 'Number is required'],
    ['{"number":"  "}', 'Number is required'],
    ['{"number":5}', 'Invalid request body: number must be a string'],
    ['{"number":"1","latitude":null}', 'Latitude and longitude are required'],
    ['{"number":"1","latitude":"1"}', 'Invalid request body: latitude must be a number'],
    ['{"number":"1","days":0}', 'Invalid history value'],
    ['{"number":"1","days":400}', 'Invalid history value'],
    ['{"number":"1","days":1.5}', 'Invalid request body: days must be a whole number'],
    ['{"number":"1","kind":"video"}', 'Invalid request body: kind must be one of text, image'],
    ['{"number":"1","events":["a",2]}', 'Invalid request body: events[1] must be a string'],
    ['{"number":"1","events":["a","b","c","d"]}', 'Invalid request body: events must have at most 3 entries'],
    ['{"number":"1","proxy":{"port":"x"}}', 'Invalid request body: proxy.port must be a number'],
    ['{"number":"1","proxy":{}}', 'Invalid request body: proxy.port is required'],
    ['{"number":"1","proxy":{"port":70000}}', 'Invalid request body: proxy.port must be at most 65535'],
    ['{"number":"1","proxy":{"port":1,"host":"x"}}', 'Invalid request body: proxy.host must have at least 2 characters'],
    ['{"number":"1","address":"nowhere"}', 'Invalid request body: address must be a valid url'],
    ['{"number":"1","either":true}', 'Invalid request body: either is not valid'],
    ['{"number":"alone"}', 'At least one setting must be provided'],
  ])('%s → 400 %s', async (raw, message) => {
    expect(await send(raw)).toMatchObject({ status: 400, body: refused(message) })
  })

  it('is not: unknown fields, and keys that would reach a prototype', async () => {
    const answer = await send('{"number":" 1 ","surprise":true,"__proto__":{"days":1},"constructor":{"prototype":{}}}')
    expect(answer).toMatchObject({ status: 200, body: { number: '1', keys: ['number'] } })
  })

  it('a query that does not fit', async () => {
    const answer = await harness.call('POST', '/api/send?limit=11', { token: tokens.ada, body: { number: '1' } })
    expect(answer).toMatchObject({ status: 400, body: refused('Invalid query: limit must be at most 10') })
  })

  it.each([
    ['text/plain', 'x'],
    ['application/x-www-form-urlencoded', 'number=1'],
    ['multipart/form-data; boundary=x', '--x--'],
  ])('content type %s → 415', async (type, raw) => {
    expect(await send(raw, { 'content-type': type })).toMatchObject({
      status: 415,
      body: refused('Content-Type must be application/json'),
    })
  })

  it('a body over the limit → 413, after the token', async () => {
    const raw = JSON.stringify({ number: 'x'.repeat(1024 * 1024) })
    expect(await send(raw)).toMatchObject({ status: 413, body: refused('Request body too large') })
    expect(await harness.call('POST', '/api/send', { headers: json, raw })).toMatchObject({ status: 401 })
  })

  it('the order of checks: token before body', async () => {
    expect(await harness.call('POST', '/api/send', { headers: json, raw: '{' })).toMatchObject({ status: 401 })
    expect(await harness.call('POST', '/api/send', { headers: { 'content-type': 'text/plain' }, raw: 'x' })).toMatchObject({ status: 401 })
  })

  it('a body nobody reads does no harm', async () => {
    for (const [type, raw] of [
      ['application/json', '{'],
      ['application/json', ''],
      ['text/plain', 'x'],
    ] as const) {
      const answer = await harness.call('DELETE', '/api/plain', { token: tokens.ada, headers: { 'content-type': type }, raw })
      expect(answer).toMatchObject({ status: 200, body: { fine: true } })
    }
  })

  it('routes and methods there are not', async () => {
    expect(await harness.call('GET', '/')).toMatchObject({ status: 404, body: refused('Not found') })
    expect(await harness.call('POST', '/api/nothing', { headers: { 'content-type': 'text/plain' }, raw: 'x' })).toMatchObject({
      status: 404,
      body: refused('Not found'),
    })
    expect(await harness.call('PUT', '/api/send', { headers: json, raw: '{' })).toMatchObject({
      status: 405,
      body: refused('Method not allowed'),
      headers: { allow: 'POST, OPTIONS' },
    })
    expect(await harness.call('GET', '/api/%zz')).toMatchObject({ status: 400, body: refused('Invalid URL') })
    expect((await harness.call('OPTIONS', '/api/fault')).headers.allow).toBe('GET, HEAD, OPTIONS')
    expect((await harness.call('OPTIONS', '/api/nothing')).status).toBe(404)
    expect(await harness.call('HEAD', '/api/fault')).toMatchObject({ status: 401, text: '' })
  })

  it('a fault of ours says nothing about itself', async () => {
    const fault = await harness.call('GET', '/api/fault', { token: tokens.ada })
    expect(fault).toMatchObject({ status: 500, body: refused('Internal error'), headers: { 'x-request-id': expect.any(String) } })
    expect(JSON.stringify(fault.headers)).not.toContain('x-secret')
    expect(await harness.call('GET', '/api/overload', { token: tokens.ada })).toMatchObject({
      status: 503,
      body: refused('The gateway is overloaded. Try again later.'),
      headers: { 'retry-after': '1' },
    })
    const reason = await harness.call('GET', '/api/reason', { token: tokens.ada })
    expect(reason).toMatchObject({ status: 500, body: refused('Failed to reconnect: proxy refused') })
  })

  it('that Node refuses before there is a request gets the envelope too', async () => {
    const { port } = await harness.server.listen({ host: '127.0.0.1', port: 0 })
    try {
      const { connect } = await import('node:net')
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write('NOT HTTP\r\n\r\n'))
        let text = ''
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('end', () => resolve(text))
        socket.on('error', reject)
      })
      expect(answer).toMatch(/^HTTP\/1\.1 400 /)
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual(refused('Bad request'))
    } finally {
      await harness.server.close()
    }
  })
})
