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
        const { pathname, searchParams } = new URL(request.url ?? '', 'http://gateway.test')
        const by = request.headers['x-by'] === 'account' ? 'account' : 'instance'
        const after = searchParams.get('after')
        const accept = await admit(pathname.slice(1), { by, ...(after !== null && { after }) })
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
    const admit = async (
      instanceId: string,
      { by = 'instance', headers = {}, ...query }: { by?: 'account' | 'instance'; headers?: object; after?: string } = {},
    ) => {
      const [route] = stage.events.socketOperations
      if (route?.query === undefined) throw new Error('no route')
      const account = { id: 'account-1', allowedOrigins: ['https://page.example'] }
      return route.admit({
        scope: { account, instance: { id: instanceId, name: `shop ${instanceId}` }, by },
        params: {},
        query: route.query.parse(query),
        body: undefined,
        headers,
        signal: new AbortController().signal,
      } as unknown as InstanceRequest<unknown, undefined>)
    }
    const enable = (events: string[] = [], instanceId = INSTANCE) => stage.events.websocket.configure(instanceId, { enabled: true, events })
    const connect = async (instanceId = INSTANCE, { by = 'instance', autoPong = true, after = '' } = {}) => {
      const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/${instanceId}?after=${after}`, {
        headers: { 'x-by': by },
        autoPong,
      })
      sockets.push(socket)
      let pings = 0
      socket.on('ping', () => pings++)
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
      return { socket, frames, next, closed, pings: () => pings }
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
      await begin({ hubLimits: { pingEveryMs: 300 } })
      await enable()
      const [mute, alive] = [await connect(INSTANCE, { autoPong: false }), await connect()]
      await mute.closed
      expect(mute.pings()).toBe(2)
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

    describe('with ?after', () => {
      test('brings what was missed, in order, then goes on live', async () => {
        await begin({ hubLimits: { replayPage: 3 } })
        await stage.addInstance('instance-2')
        await enable()
        const ids: string[] = []
        for (let n = 0; n < 10; n++) {
          ids.push(await stage.emit(`chat ${n % 3}`, n))
          await stage.emit('chat', 100 + n, { instanceId: 'instance-2' })
        }
        const [late, all, none] = [await connect(INSTANCE, { after: ids[4] }), await connect(INSTANCE, { after: '0' }), await connect()]
        await Promise.all([late.next(5), all.next(10)])
        await stage.emit('chat', 10)
        expect((await late.next(6)).map(({ data }) => data.n)).toEqual([5, 6, 7, 8, 9, 10])
        expect((await all.next(11)).map(({ data }) => data.n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        expect((await none.next(1)).map(({ data }) => data.n)).toEqual([10])
        expect((await late.next(1))[0]).toMatchObject({ id: ids[5], event: 'message.exchange', instanceData: { token: TOKEN } })
      })

      test('no event is left out or repeated while many are written at once and clients come and go', async () => {
        await begin({ hubLimits: { replayPage: 7 } })
        await enable()
        const total = 600
        const start = await stage.emit('chat', -1)
        const loyal = await connect()
        let written = 0
        const writer = async () => {
          while (written < total) await stage.emit(`chat ${written % 50}`, written++)
        }
        // Every client reads a few, hangs up and comes back with the last id it has.
        const wanderer = async (patience: number) => {
          let after = start
          const got: number[] = []
          while (got.length < total) {
            const { socket, next } = await connect(INSTANCE, { after })
            const frames = await next(Math.min(patience, total - got.length))
            socket.terminate()
            got.push(...frames.map(({ data }) => data.n))
            after = frames.at(-1).id
          }
          return got
        }
        const [, ...read] = await Promise.all([
          Promise.all(Array.from({ length: 12 }, writer)),
          ...[11, 40, 90, total].map((patience) => wanderer(patience)),
        ])
        const live = await loyal.next(total)
        expect([...live.map(({ data }) => data.n)].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => n))
        expect(live.map(({ id }) => id)).toEqual(live.map(({ id }) => id).sort())
        // All of them saw the one order there is.
        for (const got of read) expect(got).toEqual(live.map(({ data }) => data.n))
      })

      test('only the events that were asked for, and none while it is disabled', async () => {
        await begin({ hubLimits: { replayPage: 2 } })
        await enable(['message.status'])
        for (let n = 0; n < 20; n++) await stage.emit('chat', n, { name: n % 7 === 0 ? 'message.status' : 'message.exchange' })
        const client = await connect(INSTANCE, { after: '0' })
        expect((await client.next(3)).map(({ data }) => data.n)).toEqual([0, 7, 14])
        await stage.emit('chat', 20)
        await stage.emit('chat', 21, { name: 'message.status' })
        expect((await client.next(4)).at(-1).data.n).toBe(21)
      })

      test('tells when the log no longer has that event, and begins with the oldest it has', async () => {
        await begin()
        await enable(['message.exchange'])
        const ids: string[] = []
        for (let n = 0; n < 6; n++) ids.push(await stage.emit('chat', n))
        const forget = (until: number) =>
          stage.database.db.write((tx) =>
            tx
              .deleteFrom('events')
              .where('id', '<=', ids[until] ?? '')
              .execute(),
          )
        await forget(3)
        const client = await connect(INSTANCE, { after: ids[1] })
        const [gap, ...rest] = await client.next(3)
        const data = { after: ids[1], oldest: ids[4] }
        expect(gap).toEqual({
          event: 'log.gap',
          timestamp: expect.any(String),
          data,
          instanceData: expect.objectContaining({ token: TOKEN }),
        })
        expect(rest.map((frame) => frame.data.n)).toEqual([4, 5])
        await forget(5)
        const late = await connect(INSTANCE, { after: ids[1] })
        expect((await late.next(1))[0].data).toEqual({ after: ids[1], oldest: null })
        // What never was is a moment: one in the future hides nothing.
        const early = await connect(INSTANCE, { after: '7ZZZZZZZZZZZZZZZZZZZZZZZZZ' })
        expect((await early.next(1))[0].event).toBe('log.gap')
        await stage.emit('chat', 6)
        for (const each of [client, late, early]) await eventually(async () => each.frames.at(-1).data.n === 6, 'the live event')
      })

      test('an id nobody could have is refused', async () => {
        await begin()
        await enable()
        for (const after of ['1', 'x', '01JDG3K5V8Y2Q4R6T8W0X2Z4B', '01jdg3k5v8y2q4r6t8w0x2z4b6', "01JDG3K5V8Y2Q4R6T8W0X2Z4'6"])
          await expect(admit(INSTANCE, { after }), after).rejects.toThrow('Invalid event id')
      })

      test('after the gateway was down, too', async () => {
        await begin()
        await enable()
        const client = await connect()
        await stage.emit('chat', 0)
        const [{ id }] = await client.next(1)
        stage = await stage.restart()
        await stage.emit('chat', 1)
        const back = await connect(INSTANCE, { after: id })
        await stage.emit('chat', 2)
        expect((await back.next(2)).map(({ data }) => data.n)).toEqual([1, 2])
      })
    })

    test('clients are sent back to the log with 1011 when the store fails and nobody knows what it kept', async () => {
      const database = await open()
      const { write } = database.db
      let failing = false
      stage = await openStage({
        ...database,
        db: {
          ...database.db,
          async write(work) {
            const result = await write(work)
            if (failing) throw new Error('the flush failed')
            return result
          },
        },
      })
      await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
      await enable()
      const client = await connect()
      await stage.emit('chat', 0)
      const [{ id }] = await client.next(1)
      failing = true
      await expect(stage.emit('chat', 1)).rejects.toThrow('the flush failed')
      failing = false
      expect((await client.closed).code).toBe(1011)
      await stage.emit('chat', 2)
      const back = await connect(INSTANCE, { after: id })
      expect((await back.next(2)).map(({ data }) => data.n)).toEqual([1, 2])
    })

    test('a change that comes between the look at the settings and the open socket holds', async () => {
      await begin()
      await enable(['message.status'])
      const accept = await admit(INSTANCE)
      await enable(['message.exchange'])
      http.removeAllListeners('upgrade')
      http.on('upgrade', (request, socket, head) => upgrades.handleUpgrade(request, socket, head, accept))
      const client = await connect()
      await eventually(async () => {
        await stage.emit('chat', 1)
        return client.frames.length > 0
      }, 'the new filter')
    })

    test.each([
      ['none, as programs do', undefined, true],
      ['one the account lists', 'https://page.example', true],
      ['that of the server itself', 'http://gateway.test:3000', true],
      ['a foreign one', 'https://evil.example', false],
      ['no page at all', 'null', false],
    ])('a page of its origin: %s', async (_what, origin, allowed) => {
      await begin()
      await enable()
      const admission = admit(INSTANCE, { headers: { host: 'gateway.test:3000', origin } })
      if (allowed) await admission
      else await expect(admission).rejects.toMatchObject({ status: 403, message: 'Origin not allowed' })
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
