import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, it, onTestFinished } from 'vitest'
import { createLogger } from '../runtime/logging.ts'
import { createOutbound, type OutboundRequest } from './outbound.ts'
import { startReceiver } from './test/receiver.ts'

const open = (resolve?: () => Promise<never>) => {
  const outbound = createOutbound({ allow: ['127.0.0.1', 'localhost'], logger: createLogger('silent'), resolve })
  onTestFinished(() => outbound.close())
  return outbound
}
const usual = { method: 'GET', timeoutMs: 5_000, maxResponseBytes: 10_000, redirects: 0 } satisfies Partial<OutboundRequest>
const collect = async (body: AsyncIterable<Uint8Array>) => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

it('sends method, query, headers and body; gives back status, headers and body', async () => {
  const receiver = await startReceiver((_request, response) => response.writeHead(418, { 'x-answer': 'yes' }).end('tea'))
  const answer = await open().request({
    ...usual,
    url: `${receiver.url}/a%20b?c=d&e#f`,
    method: 'POST',
    headers: { 'x-question': 'no' },
    body: 'ä',
  })
  expect(answer).toMatchObject({ status: 418, headers: { 'x-answer': 'yes' }, truncated: false })
  expect(answer.body.toString()).toBe('tea')
  expect(receiver.requests).toMatchObject([{ method: 'POST', url: '/a%20b?c=d&e', body: 'ä', headers: { 'x-question': 'no' } }])
  expect(receiver.requests[0]?.headers).not.toHaveProperty('accept-encoding')
})

it('keeps a connection for the next request', async () => {
  const receiver = await startReceiver((_request, response) => response.end('ok'))
  const outbound = open()
  for (let index = 0; index < 5; index += 1) await outbound.request({ ...usual, url: receiver.url })
  expect(receiver.connections()).toBeLessThanOrEqual(2)
})

it('sends user and password of the URL as Basic authorization, unless there is one', async () => {
  const receiver = await startReceiver((_request, response) => response.end())
  const url = receiver.url.replace('//', '//me:p%40ss%@')
  const outbound = open()
  await outbound.request({ ...usual, url })
  await outbound.request({ ...usual, url, headers: { Authorization: 'Bearer x' } })
  await outbound.request({ ...usual, url: receiver.url.replace('//', '//me%3A:%C3%A4@') })
  expect(receiver.requests.map((request) => request.headers.authorization)).toEqual([
    `Basic ${Buffer.from('me:p%40ss%').toString('base64')}`,
    'Bearer x',
    `Basic ${Buffer.from('me::ä').toString('base64')}`,
  ])
})

it('reads an endless answer only as far as asked', async () => {
  const receiver = await startReceiver((_request, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(10_000)));
      response.once('drain', more)
    }
    more()
    response.on('error', () => {})
  })
  const answer = await open().request({ ...usual, url: receiver.url, maxResponseBytes: 12_345 })
  expect(answer).toMatchObject({ status: 200, truncated: true })
  expect(answer.body).toHaveLength(12_345)
  await expect(
    open()
      .download({ url: receiver.url, timeoutMs: 5_000, redirects: 0, maxBytes: 12_345 })
      .then(({ body }) => collect(body)),
  ).rejects.toMatchObject({ reason: 'too-large', message: 'larger than 12345 bytes' })
})

it('does not unpack what it did not ask for: a compressed bomb stays small', async () => {
  const bomb = gzipSync(Buffer.alloc(10_000_000))
  const receiver = await startReceiver((_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
  const { body } = await open().request({ ...usual, url: receiver.url, maxResponseBytes: 100_000 })
  expect(body.equals(bomb)).toBe(true)
})

it('has one clock for everything: answers that never begin, never end, or drip', async () => {
  const silent = await startReceiver(() => {})
  const unfinished = await startReceiver((_request, response) => void response.writeHead(200).write('x'))
  const dripping = await startReceiver((_request, response) => {
    const timer = setInterval(() => response.write('x'), 10)
    response.on('close', () => clearInterval(timer))
  })
  for (const { url } of [silent, unfinished, dripping]) {
    await expect(open().request({ ...usual, url, timeoutMs: 100 })).rejects.toMatchObject({
      reason: 'timeout',
      message: 'no answer within 100 ms',
    })
  }
  const download = await open().download({ url: dripping.url, timeoutMs: 100, redirects: 0, maxBytes: 1_000 })
  await expect(collect(download.body)).rejects.toMatchObject({ reason: 'timeout' })
  await expect(
    open(() => new Promise(() => {})).request({ ...usual, url: 'http://slow-dns.example/', timeoutMs: 100 }),
  ).rejects.toMatchObject({
    reason: 'timeout',
  })
})

it('takes the status for the answer where it is told to, whatever becomes of the body', async () => {
  const unfinished = await startReceiver((_request, response) => void response.writeHead(200).write('as far'))
  const broken = await startReceiver((request, response) => {
    response.writeHead(200).write('as far', () => request.socket.destroy())
  })
  const answer = { status: 200, truncated: true }
  const hasty = { ...usual, bodyMs: 50 }
  expect(await open().request({ ...hasty, url: unfinished.url })).toMatchObject({ ...answer, body: Buffer.from('as far') })
  // The time limit for everything does not turn it into a failure either.
  expect(await open().request({ ...hasty, url: unfinished.url, bodyMs: 60_000, timeoutMs: 100 })).toMatchObject(answer)
  expect(await open().request({ ...hasty, url: broken.url, bodyMs: 60_000 })).toMatchObject({ ...answer, body: Buffer.from('as far') })
  await expect(open().request({ ...usual, url: broken.url })).rejects.toMatchObject({ reason: 'unreachable' })
  const silent = await startReceiver(() => {})
  await expect(open().request({ ...hasty, url: silent.url, timeoutMs: 100 })).rejects.toMatchObject({ reason: 'timeout' })
  const whole = await startReceiver((_request, response) => response.end('all of it'))
  expect(await open().request({ ...hasty, url: whole.url })).toMatchObject({ truncated: false, body: Buffer.from('all of it') })
})

it('waits for no reader of what it sends longer than for anything else', async () => {
  const server = createServer((socket) => void socket.pause().on('error', () => {}))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const outbound = open()
  await expect(outbound.request({ ...usual, url, method: 'POST', body: Buffer.alloc(20_000_000), timeoutMs: 200 })).rejects.toMatchObject({
    reason: 'timeout',
  })
  await outbound.close()
})

it('takes no headers without end', async () => {
  const receiver = await startReceiver((request) => {
    request.socket.write('HTTP/1.1 200 OK\r\n')
    const more = () => {
      while (request.socket.writable && request.socket.write(`x-more: ${'x'.repeat(1_000)}\r\n`));
      request.socket.once('drain', more)
    }
    request.socket.on('error', () => {})
    more()
  })
  await expect(open().request({ ...usual, url: receiver.url })).rejects.toMatchObject({ message: 'answer with too long headers' })
})

it('goes on from a redirect whose own page never ends', async () => {
  const receiver = await startReceiver((request, response) => {
    if (request.url === '/there') response.end('arrived')
    else response.writeHead(302, { location: '/there' }).write('x'.repeat(100))
  })
  expect((await open().request({ ...usual, url: receiver.url, redirects: 1 })).body.toString()).toBe('arrived')
})

it.each([
  ['GET', undefined, 2],
  ['PUT', 'text', 2],
  ['PUT', () => Readable.from(['te', 'xt']), 2],
  ['PUT', Readable.from(['te', 'xt']), 1],
  ['POST', 'text', 1],
] as const)('asks once more when the connection breaks, where that does no harm: %s %s', async (method, body, times) => {
  const receiver = await startReceiver((request, response) => {
    if (receiver.requests.length === 1) request.socket.destroy()
    else response.end('arrived')
  })
  const asked = open().request({ ...usual, url: receiver.url, method, ...(body === undefined ? {} : { body }) })
  if (times === 1) await expect(asked).rejects.toMatchObject({ reason: 'unreachable' })
  else expect((await asked).body.toString()).toBe('arrived')
  expect(receiver.requests.map((request) => request.body)).toEqual(Array(times).fill(body === undefined ? '' : 'text'))
})

it('asks twice and not more', async () => {
  const receiver = await startReceiver((request) => request.socket.destroy())
  await expect(open().request({ ...usual, url: receiver.url })).rejects.toMatchObject({ reason: 'unreachable' })
  expect(receiver.requests).toHaveLength(2)
})

it("stops at the caller's signal", async () => {
  const silent = await startReceiver(() => controller.abort())
  const controller = new AbortController()
  await expect(open().request({ ...usual, url: silent.url, signal: controller.signal })).rejects.toMatchObject({ reason: 'aborted' })
  await expect(open().request({ ...usual, url: silent.url, signal: controller.signal })).rejects.toMatchObject({ reason: 'aborted' })
})

it('names what went wrong in words that show no address', async () => {
  const receiver = await startReceiver((request) => request.socket.destroy())
  const { port } = receiver
  const failing = (url: string, resolve?: () => Promise<never>) =>
    open(resolve)
      .request({ ...usual, url })
      .then(String, (error: { reason: string; message: string }) => `${error.reason}: ${error.message}`)
  expect(await failing('http://127.0.0.1:1/secret?word')).toBe('unreachable: connection refused')
  expect(await failing(`https://127.0.0.1:${port}/`)).toMatch(/^unreachable: [\w ]+$/)
  expect(await failing(`http://127.0.0.1:${port}/`)).toMatch(/^unreachable: connection (closed|reset)$/)
  const unknown = () => Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.example'), { code: 'ENOTFOUND' }))
  expect(await failing('http://nowhere.example/', unknown)).toBe('unreachable: host not found')
  await expect(open().request({ ...usual, url: receiver.url, headers: { 'bad\nname': 'x' } })).rejects.toMatchObject({ reason: 'invalid' })
})

it('downloads as a stream, refuses by the announced length, and cuts when the reader leaves', async () => {
  const receiver = await startReceiver((request, response) => {
    if (request.url === '/large') response.setHeader('content-length', 20_000)
    response.write('x'.repeat(10_000))
    response.end('x'.repeat(10_000))
  })
  const limits = { timeoutMs: 5_000, redirects: 0, maxBytes: 15_000 }
  await expect(open().download({ ...limits, url: `${receiver.url}/large` })).rejects.toMatchObject({ reason: 'too-large' })
  const { status, body } = await open().download({ ...limits, url: receiver.url, maxBytes: 20_000 })
  expect([status, (await collect(body)).length]).toEqual([200, 20_000])
  const left = await open().download({ ...limits, url: receiver.url, maxBytes: 20_000 })
  for await (const chunk of left.body) {
    expect(chunk.length).toBeGreaterThan(0)
    break
  }
})

it('gives back a redirect it was not told to follow', async () => {
  const receiver = await startReceiver((_request, response) => response.writeHead(302, { location: '/elsewhere' }).end())
  expect(await open().request({ ...usual, url: receiver.url })).toMatchObject({ status: 302, headers: { location: '/elsewhere' } })
  expect(receiver.requests).toHaveLength(1)
})

it('follows redirects as far as told', async () => {
  const receiver = await startReceiver((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left > 0) response.writeHead(301, { location: `${left - 1}` }).end('x'.repeat(1_000))
    else response.end('arrived')
  })
  const outbound = open()
  expect((await outbound.request({ ...usual, url: `${receiver.url}/3`, redirects: 3 })).body.toString()).toBe('arrived')
  const tooMany = outbound.request({ ...usual, url: `${receiver.url}/4`, redirects: 3 })
  await expect(tooMany).rejects.toMatchObject({ reason: 'redirects', message: 'more than 3 redirects' })
})

it('leaves secrets behind when a redirect leads to another origin, and turns a POST into a GET', async () => {
  const other = await startReceiver((_request, response) => response.end('ok'))
  const first = await startReceiver((request, response) => {
    const [, status, place] = request.url?.split('/') ?? []
    response
      .writeHead(Number(status), { location: place === 'other' ? `${other.url.replace('127.0.0.1', 'localhost')}/there` : '/200/done' })
      .end()
  })
  const outbound = open()
  const post = (path: string) =>
    outbound.request({
      ...usual,
      url: first.url + path,
      method: 'POST',
      redirects: 1,
      body: 'b',
      headers: { authorization: 'a', cookie: 'c', 'content-type': 't' },
    })

  await post('/303/other')
  expect(other.requests[0]).toMatchObject({ method: 'GET', body: '' })
  expect(Object.keys(other.requests[0]?.headers ?? {}).sort()).toEqual(['connection', 'host'])
  await post('/307/other')
  expect(other.requests[1]).toMatchObject({ method: 'POST', body: 'b', headers: { 'content-type': 't' } })
  expect(other.requests[1]?.headers).not.toHaveProperty('authorization')
  await post('/302/same')
  expect(first.requests.at(-1)).toMatchObject({ method: 'GET', body: '', headers: { authorization: 'a', cookie: 'c' } })
})
