import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ApiError } from '../errors.ts'
import type { SocketOperation } from '../operation.ts'
import { type Harness, openHarness, refused, sampleOperations, tokens } from './harness.ts'

const socket: SocketOperation = {
  id: 'sample.socket',
  path: '/ws/:instance',
  tag: 'Sample',
  summary: 'Listens',
  errors: [{ status: 400, message: 'Not enabled' }],
  admit: async ({ scope }) => {
    if (scope.instance.name === 'desk') throw new ApiError(400, 'Not enabled')
    return (client) => client.send(JSON.stringify({ instance: scope.instance.name, by: scope.by }))
  },
}

describe('A WebSocket', () => {
  let harness: Harness
  let address: string
  beforeEach(async () => {
    harness = await openHarness({ operations: sampleOperations, sockets: [socket] })
    const { port } = await harness.server.listen({ host: '127.0.0.1', port: 0 })
    address = `127.0.0.1:${port}`
  })
  afterEach(() => harness.server.close())

  const open = (path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; body: unknown } | WebSocket>((resolve, reject) => {
      const client = new WebSocket(`ws://${address}${path}`, { headers })
      client.on('error', reject)
      client.on('message', () => resolve(client))
      client.on('unexpected-response', (_request, response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
      })
    })

  it.each([
    ['the header', '/ws/shop', { token: tokens.shop }],
    ['Bearer', '/ws/shop', { authorization: `Bearer ${tokens.ada}` }],
    ['the query', `/ws/shop?token=${tokens.shop}`, {}],
  ])('opens with the token in %s', async (_place, path, headers) => {
    const client = await open(path, headers)
    expect(client).toBeInstanceOf(WebSocket)
    if (client instanceof WebSocket) client.terminate()
  })

  it.each<[path: string, headers: Record<string, string>, status: number, message: string]>([
    ['/ws/shop', {}, 401, 'Missing token in header, Authorization header, or query parameter'],
    ['/ws/shop?token=nobody-knows-this-one', {}, 401, 'Invalid token'],
    ['/ws/shop', { token: tokens.desk }, 403, 'Instance token does not match requested instance'],
    ['/ws/shop', { token: tokens.bob }, 404, 'Instance not found'],
    ['/ws/', { token: tokens.ada }, 400, 'Instance name is required'],
    ['/ws/desk', { token: tokens.ada }, 400, 'Not enabled'],
    ['/nothing', { token: tokens.ada }, 404, 'Not found'],
    ['/api/sample/list', { token: tokens.ada }, 400, 'This route is not a WebSocket'],
  ])('to %s is refused before the upgrade: %j → %i', async (path, headers, status, message) => {
    expect(await open(path, headers)).toEqual({ status, body: refused(message) })
  })

  it('is counted, and asked for by GET it is not a page', async () => {
    const answer = await harness.call('GET', '/ws/shop', { token: tokens.shop })
    expect(answer).toMatchObject({
      status: 426,
      body: refused('WebSocket upgrade required'),
      headers: { 'x-ratelimit-remaining': '99', upgrade: 'websocket' },
    })
    expect(await harness.call('POST', '/ws/shop', { token: tokens.shop })).toMatchObject({
      status: 405,
      headers: { allow: 'GET, OPTIONS' },
    })
  })

  it('does not open with a token that is revoked while it is let in', async () => {
    await harness.server.close()
    const slow: SocketOperation = {
      ...socket,
      async admit(request) {
        harness.world.tokenOf = { ...tokens, ada: 'a-new-token-of-ada' }
        return socket.admit(request)
      },
    }
    harness = await openHarness({ operations: sampleOperations, sockets: [slow] })
    const { port } = await harness.server.listen({ host: '127.0.0.1', port: 0 })
    address = `127.0.0.1:${port}`
    expect(await open('/ws/shop', { token: tokens.ada })).toEqual({ status: 401, body: refused('Invalid token') })
    expect(await open('/ws/shop', { token: 'a-new-token-of-ada' })).toBeInstanceOf(WebSocket)
  })

  it('still open at shutdown is closed with 1001', async () => {
    const client = await open('/ws/shop', { token: tokens.shop })
    if (!(client instanceof WebSocket)) throw new Error('not open')
    const closed = once(client, 'close')
    await harness.server.close()
    expect((await closed)[0]).toBe(1001)
  })
})
