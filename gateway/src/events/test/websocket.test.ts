/** The hub on real sockets; the handshake's refusals belong to the server and are tested in http/ and, here, in the route's `admit`. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { InstanceRequest } from '../../http/operation.ts'
import { eventually, INSTANCE, openStage, type Stage, type StageOptions, TOKEN } from './stage.ts'

forEachDatabase((_name, open) => {
  describe('WebSocket', () => {
    let stage: Stage
    let http: Server
    let upgrades: WebSocketServer
    const sockets: WebSocket[] = []

    beforeEach(() => {
      http = createServer()
      upgrades = new WebSocketServer({ noServer: true })
      http.on('upgrade', async (request, socket, head) => {
        const instance = decodeURIComponent((request.url ?? '').slice(1))
        const by = request.headers['x-by'] === 'account' ? 'account' : 'instance'
        const accept = await admit(instance, by)
        upgrades.handleUpgrade(request, socket, head, accept)
      })
    })
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.terminate()
      await stage.close()
      upgrades.close()
      await new Promise((resolve) => http.close(resolve))
    })

    const begin = async (options: StageOptions = {}) => {
      stage = await openStage(await open(), options)
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    }
    const admit = async (instanceId: string, by: 'account' | 'instance' = 'instance') => {
      const [route] = stage.events.socketOperations
      if (route === undefined) throw new Error('no route')
      const scope = { account: { id: 'account-1' }, instance: { id: instanceId, name: `shop ${instanceId}` }, by }
      return route.admit({
        scope,
        params: {},
        query: {},
        body: undefined,
        headers: {},
        signal: new AbortController().signal,
      } as unknown as InstanceRequest<unknown, undefined>)
    }
    const enable = (events: string[] = [], instanceId = INSTANCE) => stage.events.websocket.configure(instanceId, { enabled: true, events })
    const connect = async (instanceId = INSTANCE, { by = 'instance', autoPong = true } = {}) => {
      const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/${instanceId}`, {
        headers: { 'x-by': by },
        autoPong,
      })
      sockets.push(socket)
      // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
      const frames: any[] = []
      const wake = new Set<() => void>()
      socket.on('message', (data, isBinary) => {
        expect(isBinary).toBe(false)
        frames.push(JSON.parse(String(data)))
        for (const one of wake) one()
      })
      const closed = new Promise<{ code: number; reason: string }>((resolve) =>
        socket.on('close', (code, reason) => resolve({ code, reason: String(reason) })),
      )
      await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
      const next = async (count: number) => {
        while (frames.length < count) await new Promise<void>((resolve) => wake.add(resolve))
        return frames.slice(0, count)
      }
      return { socket, frames, next, closed }
    }

    test('every client gets the envelope that webhooks get, of its own instance only', async () => {
      await begin()
      await stage.addInstance('instance-2')
      await enable()
      await enable([], 'instance-2')
      const [a, b, other] = await Promise.all([connect(), connect(), connect('instance-2')])
      const id = await stage.emit('chat', 1)
      await stage.emit('chat', 2, { instanceId: 'instance-2' })
      const frame = {
        id,
        event: 'message.exchange',
        timestamp: expect.any(String),
        data: { n: 1 },
        instanceData: { baseUrl: 'http://gateway.test', instance: `shop ${INSTANCE}`, token: TOKEN },
      }
      expect(await a.next(1)).toEqual([frame])
      expect(await b.next(1)).toEqual([frame])
      expect((await other.next(1))[0].data).toEqual({ n: 2 })
      expect(a.frames).toHaveLength(1)
    })

    test('frames come in the order of the events', async () => {
      await begin()
      await enable()
      const client = await connect()
      for (let n = 0; n < 100; n++) await stage.emit(`chat ${n % 3}`, n)
      expect((await client.next(100)).map(({ data }) => data.n)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    })

    test('only the events that were asked for; a change holds at once, also for open clients', async () => {
      await begin()
      await enable(['message.status'])
      const client = await connect()
      await stage.emit('chat', 1)
      await stage.emit('chat', 2, { name: 'message.status' })
      await enable()
      await stage.emit('chat', 3)
      await stage.events.websocket.configure(INSTANCE, { enabled: false })
      await stage.emit('chat', 4)
      await enable()
      await stage.emit('chat', 5)
      expect((await client.next(3)).map(({ data }) => data.n)).toEqual([2, 3, 5])
      expect(client.socket.readyState).toBe(WebSocket.OPEN)
    })

    test('who was never allowed to, or no longer is, does not get in', async () => {
      await begin()
      const refusal = {
        status: 400,
        message: `WebSocket is not enabled for this instance. Configure it first using POST /api/events/websocket/shop ${INSTANCE}`,
      }
      await expect(admit(INSTANCE)).rejects.toMatchObject(refusal)
      await enable()
      await admit(INSTANCE)
      await stage.events.websocket.configure(INSTANCE, { enabled: false })
      await expect(admit(INSTANCE)).rejects.toMatchObject(refusal)
    })

    test('deleting the instance closes with 4004, a revoked account token with 4001, the end of the gateway with 1001', async () => {
      await begin()
      await stage.addInstance('instance-2')
      await enable()
      await enable([], 'instance-2')
      const [own, byAccount, stays] = [await connect(), await connect('instance-2', { by: 'account' }), await connect('instance-2')]
      stage.events.instanceDeleted(INSTANCE)
      expect((await own.closed).code).toBe(4004)
      stage.events.accountTokenRevoked('account-1')
      expect((await byAccount.closed).code).toBe(4001)
      expect(stage.events.webSocketClients).toBe(1)
      await stage.events.stop()
      expect((await stays.closed).code).toBe(1001)
      expect(stage.events.webSocketClients).toBe(0)
    })

    test('a client that does not answer two pings is cut off; one that does stays', async () => {
      await begin({ hubLimits: { pingEveryMs: 40 } })
      await enable()
      const [mute, alive] = [await connect(INSTANCE, { autoPong: false }), await connect()]
      let pings = 0
      mute.socket.on('ping', () => pings++)
      await mute.closed
      expect(pings).toBe(2)
      expect(alive.socket.readyState).toBe(WebSocket.OPEN)
      expect(stage.events.webSocketClients).toBe(1)
    })

    test('a client that does not read is closed with 1013 and costs the others nothing', async () => {
      await begin({ hubLimits: { sendBuffer: 20_000 } })
      await enable()
      const [slow, quick] = [await connect(), await connect()]
      slow.socket.pause()
      const record = (n: number) =>
        stage.events.write((_tx, note) =>
          note({ instanceId: INSTANCE, name: 'message.exchange', lane: '', data: { n, text: 'x'.repeat(15_000) } }),
        )
      let sent = 0
      // Until the kernel's own buffers are full.
      await eventually(async () => {
        await Promise.all(Array.from({ length: 50 }, () => record(sent++)))
        await quick.next(sent)
        return stage.events.webSocketClients === 1
      }, 'the slow client is dismissed')
      slow.socket.resume()
      expect((await slow.closed).code).toBe(1013)
      await quick.next(sent)
      expect(quick.socket.readyState).toBe(WebSocket.OPEN)
    })

    test('where nobody listens nothing is serialised', async () => {
      await begin()
      await enable()
      const data = { toJSON: () => ({ times: ++serialised }) }
      let serialised = 0
      const client = await connect()
      await connect()
      await stage.events.write((_tx, note) => note({ instanceId: INSTANCE, name: 'message.exchange', lane: '', data: data as never }))
      // Once for the log, never again for two clients.
      expect((await client.next(1))[0].data).toEqual({ times: 1 })
      expect(serialised).toBe(1)
    })
  })
})
