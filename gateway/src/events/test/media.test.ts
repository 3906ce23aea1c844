/** Media in events: `media.base64` is put in as it is read, and a large file is never held in memory. */
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, open as openFile, rm, stat } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { Blob, OpenBlob } from '../blobs.ts'
import { envelope, mediaEnvelope } from '../envelope.ts'
import { bodyWithMedia } from '../webhooks/body.ts'
import { openReceiver, type Receiver } from './receiver.ts'
import { eventually, INSTANCE, openStage, type Stage } from './stage.ts'

const mediaData = (blob: string | null, content = 'hello') => ({
  id: 'ABC',
  message: {
    type: 'document',
    content,
    media: { type: 'document', base64: null, fileName: 'a.pdf', ...(blob !== null && { blob }) },
    edit: null,
  },
})
const event = (data: object) => ({
  id: 'E',
  instanceId: INSTANCE,
  name: 'message.exchange' as const,
  data: JSON.stringify(data),
  createdAt: 0,
})
const bytesOf = (bytes: Uint8Array, pieces: number): Blob => ({
  size: bytes.length,
  stream: () =>
    Readable.from(Array.from({ length: Math.ceil(bytes.length / pieces) }, (_, n) => bytes.subarray(n * pieces, (n + 1) * pieces))),
})
const textOf = async (stream: Readable): Promise<string> => Buffer.concat(await stream.toArray()).toString()

describe('an envelope with media', () => {
  test('never names the blob', () => {
    expect(JSON.parse(envelope(event(mediaData('ref')), '{}')).data).toEqual(mediaData(null))
  })
  test.each(['"blob":"x"', '\\"blob\\":', '{"media":{"blob":"x"}}'])('leaves a text alone that says %s', (content) => {
    expect(JSON.parse(envelope(event(mediaData(null, content)), '{}')).data).toEqual(mediaData(null, content))
    expect(mediaEnvelope(event(mediaData(null, content)), '{}')).toBeNull()
    expect(mediaEnvelope(event({ blob: 'not here', content }), '{}')).toBeNull()
  })

  test.each([
    [0, 5],
    [1, 1],
    [2, 1],
    [3, 2],
    [100, 7],
    [65_537, 16_384],
  ])('carries %i bytes, read %i at a time, twice the same', async (length, pieces) => {
    const bytes = randomBytes(length)
    const body = await bodyWithMedia(event(mediaData('ref', 'ü "')), '{"token":"t"}', async () => bytesOf(bytes, pieces))
    if (typeof body === 'string') throw new Error('not streamed')
    const text = await textOf(body.stream())
    expect(Buffer.byteLength(text)).toBe(body.size)
    expect(await textOf(body.stream())).toBe(text)
    const expected = mediaData(null, 'ü "')
    expect(JSON.parse(text)).toEqual({
      id: 'E',
      event: 'message.exchange',
      timestamp: '1970-01-01T00:00:00.000Z',
      data: { ...expected, message: { ...expected.message, media: { ...expected.message.media, base64: bytes.toString('base64') } } },
      instanceData: { token: 't' },
    })
  })

  test('goes without when the bytes are gone', async () => {
    const body = await bodyWithMedia(event(mediaData('ref')), '{}', async () => null)
    expect(JSON.parse(String(body)).data).toEqual(mediaData(null))
  })
})

forEachDatabase((_name, open) => {
  describe('media on webhooks', () => {
    let stage: Stage
    let receiver: Receiver
    beforeEach(async () => {
      receiver = await openReceiver()
    })
    afterEach(async () => {
      await stage.close()
      await receiver.close()
    })
    const begin = async (openBlob: OpenBlob) => {
      stage = await openStage(await open(), { openBlob })
      await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url, mediaBase64: true })
    }
    const emit = (blob: string) =>
      stage.events.write((_tx, record) => record({ instanceId: INSTANCE, name: 'message.exchange', lane: 'chat', data: mediaData(blob) }))
    const base64In = (json: { data: { message: { media: object } } }) => json.data.message.media

    test('is there for those who want it, signed, and nobody learns the blob', async () => {
      const bytes = randomBytes(100_000)
      const asked: string[] = []
      await begin(async (instanceId, blob) => {
        asked.push(`${instanceId}/${blob}`)
        return bytesOf(bytes, 10_000)
      })
      const plain = await openReceiver()
      await stage.events.webhooks.configure(INSTANCE, { label: 'plain', enabled: true, url: plain.url })
      await emit('ref')
      const { json, text, headers } = await receiver.at(0)
      expect(base64In(json)).toEqual({ type: 'document', fileName: 'a.pdf', base64: bytes.toString('base64') })
      expect(headers['content-length']).toBe(String(Buffer.byteLength(text)))
      const { secret } = (await stage.call('events.getWebhookSecret')).body.signing
      expect(new Webhook(secret).verify(text, headers as Record<string, string>)).toEqual(json)
      expect(base64In((await plain.at(0)).json)).toEqual({ type: 'document', fileName: 'a.pdf', base64: null })
      expect(asked).toEqual([`${INSTANCE}/ref`])
      await plain.close()
    })

    test('that cannot be read is tried again, and after a while the event goes without it', async () => {
      let tries = 0
      await begin(async () => {
        tries++
        if (tries === 1) throw new Error('the store of media is away')
        return { size: 10, stream: () => Readable.from([Buffer.alloc(5)]) }
      })
      await emit('ref')
      const { json } = await receiver.at(0)
      expect(base64In(json)).toMatchObject({ base64: null })
      expect(tries).toBe(3)
      await eventually(async () => (await stage.deliveries()).length === 0)
      const { deliveries } = (await stage.call('events.deliveries')).body
      expect(deliveries[0].attempts.map(({ error }: { error: string | null }) => error)).toEqual([
        'the media of this event cannot be read',
        'the media of this event cannot be read',
        null,
      ])
    })
  })
})

const MIB = 1024 * 1024

/** What other tests of this process let go of meanwhile is in the figure too; the body has 67 MiB. */
const HELD = 20 * MIB

/** Bytes in use once the garbage is gone. */
const inUse = (): number => {
  setFlagsFromString('--expose_gc')
  const gc: () => void = runInNewContext('gc')
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** V8 gives memory back on a thread of its own, some time after it was garbage; what is held stays. */
const memoryBack = (before: number) => expect.poll(() => inUse() - before, { interval: 20 }).toBeLessThan(HELD)

forEachDatabase(
  (_name, open) => {
    test('a document of 50 MB is on its way without being in memory, and others are delivered meanwhile', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'ryzeapi-media-'))
      const path = join(folder, 'document')
      const file = await openFile(path, 'w')
      for (let n = 0; n < 50; n++) await file.write(randomBytes(MIB))
      await file.close()
      const fromFile: OpenBlob = async () => ({ size: (await stat(path)).size, stream: () => createReadStream(path) })

      // Takes a first part, then nothing until it is told to, as a slow receiver does.
      const arrived = Promise.withResolvers<IncomingMessage>()
      const slow = createServer((request) => arrived.resolve(request)).listen(0, '127.0.0.1')
      await once(slow, 'listening')
      const quick = await openReceiver()
      const stage = await openStage(await open(), { openBlob: fromFile, rules: { timeoutMs: 60_000, leaseMs: 50 } })
      try {
        const slowUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`
        await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: slowUrl, mediaBase64: true, events: ['message.exchange'] })
        await stage.events.webhooks.configure(INSTANCE, { label: 'quick', enabled: true, url: quick.url, events: ['message.status'] })
        const before = inUse()
        await stage.events.write((_tx, record) =>
          record({ instanceId: INSTANCE, name: 'message.exchange', lane: 'chat', data: mediaData('ref') }),
        )
        const request = await arrived.promise
        for (let n = 0; n < 50; n++) await stage.emit('chat', n, { name: 'message.status' })
        await quick.count(50)
        await memoryBack(before)

        const { secret } = (await stage.call('events.getWebhookSecret')).body.signing
        const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = request.headers
        const mac = createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${id}.${timestamp}.`)
        let length = 0
        for await (const piece of request as AsyncIterable<Buffer>) {
          if (Math.floor(length / (10 * MIB)) !== Math.floor((length + piece.length) / (10 * MIB))) await memoryBack(before)
          length += piece.length
          mac.update(piece)
        }
        expect(length).toBe(Number(request.headers['content-length']))
        expect(length).toBeGreaterThan((50 * MIB * 4) / 3)
        expect(signature).toBe(`v1,${mac.digest('base64')}`)
        slow.emit('done')
      } finally {
        slow.closeAllConnections()
        slow.close()
        await stage.close()
        await quick.close()
        await rm(folder, { recursive: true, force: true })
      }
    })
  },
  ['SQLite'],
)
