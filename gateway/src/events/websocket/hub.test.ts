/** What the hub spends: how often it serialises, and how much of the log it holds for a client that takes its time. */
import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { systemClock } from '../../runtime/clock.ts'
import { createLogger } from '../../runtime/logging.ts'
import { noBlobs, type OpenBlob } from '../blobs.ts'
import { envelope, type StoredEvent } from '../envelope.ts'
import type { EventHistory } from '../history.ts'
import { createWebSocketHub, usualHubLimits, type WebSocketHub } from './hub.ts'

const idOf = (n: number) => `01${String(n).padStart(24, '0')}`
const event = (n: number, more: Partial<StoredEvent> = {}): StoredEvent => ({
  id: idOf(n),
  instanceId: 'shop',
  name: 'message.exchange',
  lane: '',
  data: JSON.stringify({ n }),
  createdAt: 0,
  ...more,
})

describe('The hub', () => {
  let http: Server
  let upgrades: WebSocketServer
  const clients: WebSocket[] = []
  beforeEach(async () => {
    http = createServer()
    upgrades = new WebSocketServer({ server: http })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate()
    upgrades.close()
    await new Promise((resolve) => http.close(resolve))
  })

  const makeHub = (history: EventHistory, openBlob: OpenBlob = noBlobs) => {
    const counted = { serialised: 0 }
    const hub = createWebSocketHub({
      history,
      clock: systemClock,
      logger: createLogger('silent'),
      openBlob,
      limits: { ...usualHubLimits, replayPage: 50 },
      serialise(...args) {
        counted.serialised++
        return envelope(...args)
      },
    })
    return { hub, counted }
  }
  const join = async (
    hub: WebSocketHub,
    { after = null, events = [], mediaBase64 = false }: { after?: string | null; events?: string[]; mediaBase64?: boolean } = {},
  ) => {
    const arrived = new Promise<WebSocket>((resolve) => upgrades.once('connection', resolve))
    const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`)
    clients.push(client)
    const received: unknown[] = []
    const media: unknown[] = []
    const wake = new Set<() => void>()
    client.on('message', (data) => {
      const told = JSON.parse(String(data)).data
      received.push(told.n)
      media.push(told.message?.media ?? null)
      for (const one of wake) one()
    })
    const server = await arrived
    const settings = { enabled: true, events, mediaBase64 }
    hub.join(server, { instanceId: 'shop', accountId: 'account', by: 'instance' }, { settings, instanceData: '{}', after })
    const next = async (count: number) => {
      while (received.length < count) await new Promise<void>((resolve) => wake.add(resolve))
      return received
    }
    return { client, server, next, media }
  }
  const empty: EventHistory = { page: async () => ({ events: [], unbroken: true }) }

  describe('with media', () => {
    const withMedia = (n: number) =>
      event(n, { data: JSON.stringify({ n, message: { media: { type: 'video', base64: null, blob: `b${n}` } } }) })
    /** The log holds what was announced. */
    const logOf = (events: StoredEvent[]): EventHistory => ({
      page: async (_instance, after, limit) => ({ events: events.filter(({ id }) => id > after).slice(0, limit), unbroken: true }),
    })

    it('sends the bytes to who wants them, in order, however large they are and late they come', async () => {
      const bytes = randomBytes(usualHubLimits.sendBuffer + 1_000_001)
      const here = Promise.withResolvers<void>()
      const log: StoredEvent[] = []
      const { hub } = makeHub(logOf(log), async (_instance, blob) => {
        await here.promise
        return blob === 'b2' ? { size: bytes.length, stream: () => Readable.from([bytes]) } : null
      })
      const wants = await join(hub, { mediaBase64: true })
      for (const one of [event(1), withMedia(2), event(3), withMedia(4), event(5)]) {
        log.push(one)
        hub.announce(one)
      }
      expect(await wants.next(1)).toEqual([1])
      here.resolve()
      expect(await wants.next(5)).toEqual([1, 2, 3, 4, 5])
      const [, large, , gone] = wants.media
      expect(large).toEqual({ type: 'video', base64: bytes.toString('base64') })
      expect(gone).toEqual({ type: 'video', base64: null })
      // Live again.
      const last = event(6)
      log.push(last)
      hub.announce(last)
      expect(await wants.next(6)).toEqual([1, 2, 3, 4, 5, 6])
    })

    it('reads nothing for who does not want them', async () => {
      const { hub } = makeHub(empty, () => Promise.reject(new Error('nobody asked')))
      const { next, media } = await join(hub)
      hub.announce(withMedia(1))
      expect(await next(1)).toEqual([1])
      expect(media).toEqual([{ type: 'video', base64: null }])
    })

    it('goes without them when they cannot be read', async () => {
      const log = [withMedia(1)]
      const { hub } = makeHub(logOf(log), () => Promise.reject(new Error('the bucket is away')))
      const { next, media } = await join(hub, { mediaBase64: true, after: '0' })
      expect(await next(1)).toEqual([1])
      expect(media).toEqual([{ type: 'video', base64: null }])
    })
  })

  it('serialises an event once, however many clients there are', async () => {
    const { hub, counted } = makeHub(empty)
    const joined: Awaited<ReturnType<typeof join>>[] = []
    while (joined.length < 50) joined.push(await join(hub))
    for (let n = 0; n < 10; n++) hub.announce(event(n))
    for (const { next } of joined) expect(await next(10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(counted.serialised).toBe(10)
  })

  it('serialises nothing that nobody is there for or wants', async () => {
    const { hub, counted } = makeHub(empty)
    hub.announce(event(1))
    const { next } = await join(hub, { events: ['message.status'] })
    hub.announce(event(2))
    hub.announce(event(3, { instanceId: 'another' }))
    hub.announce(event(4, { name: 'message.status' }))
    expect(await next(1)).toEqual([4])
    expect(counted.serialised).toBe(1)
  })

  it('reads the next page for a client when the one before has left, and never more', async () => {
    const total = 3_000
    const text = 'x'.repeat(5_000)
    const waiting: number[] = []
    let server: WebSocket | null = null
    let asked = 0
    const { hub } = makeHub({
      async page(_instance, after, limit) {
        asked++
        waiting.push(server?.bufferedAmount ?? 0)
        const from = after === '0' ? 0 : Number(after.slice(2)) + 1
        const length = Math.min(limit, total - from)
        return {
          events: Array.from({ length }, (_, n) => event(from + n, { data: JSON.stringify({ n: from + n, text }) })),
          unbroken: true,
        }
      },
    })
    const reader = await join(hub, { after: '0' })
    server = reader.server
    reader.client.pause()
    // All that the kernel takes for a client that does not read, which is less than the whole log.
    while (server.bufferedAmount === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(asked).toBeLessThan(total / 50)
    reader.client.resume()
    expect(await reader.next(total)).toEqual(Array.from({ length: total }, (_, n) => n))
    expect(asked).toBe(total / 50 + 1)
    expect(Math.max(...waiting)).toBe(0)
  })
})
