/** Media on the simulated network: the phone decrypts what we upload, we decrypt and check what it uploads. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { MessageKey } from '../../../engine.ts'
import type { MediaKind, MediaReference } from '../../../media.ts'
import { both, link, newId, type Observed } from '../../../test/linked-session.ts'
import { simulatedWorld } from '../../../test/simulator.ts'
import type { Person } from '../../../test/world.ts'
import type { WireMessage } from '../../../wire.ts'

let world: Awaited<ReturnType<typeof simulatedWorld>>
let shop: Person
let bob: Person
let engine: Observed
let home: string

beforeAll(async () => {
  world = await simulatedWorld()
  shop = await world.person('Shop')
  bob = await world.person('Bob')
  engine = await link(world, shop)
  home = await mkdtemp(join(tmpdir(), 'ryzeapi-media-'))
}, 30_000)
afterAll(async () => {
  await engine.session.stop()
  await world.close()
  await rm(home, { recursive: true, force: true })
})

let files = 0
const newPath = () => join(home, `file-${++files}`)

const fileOf = async (bytes: Uint8Array): Promise<string> => {
  const path = newPath()
  await writeFile(path, bytes)
  return path
}

const sent = z.object({ id: z.string() })
const seen = z.object({
  messages: z.array(z.object({ id: z.string(), media: z.object({ base64: z.string(), mimetype: z.string() }).optional() })),
})

/** The file as a phone shows it. */
const shown = async (person: Person, id: string): Promise<Buffer> => {
  await person.received(id)
  const { messages } = seen.parse(await world.simulator.call('GET', `/phones/${person.number}/messages`))
  return Buffer.from(messages.find((message) => message.id === id)?.media?.base64 ?? '', 'base64')
}

const fields: Record<MediaKind, keyof WireMessage> = {
  image: 'imageMessage',
  video: 'videoMessage',
  audio: 'audioMessage',
  document: 'documentMessage',
  sticker: 'stickerMessage',
}

const referenceIn = (message: WireMessage, kind: MediaKind): MediaReference => {
  const part = message[fields[kind]] as Record<string, unknown>
  const bytes = (name: string) => (part[name] instanceof Uint8Array ? part[name] : null)
  return {
    kind,
    url: String(part.url),
    directPath: String(part.directPath),
    mediaKey: bytes('mediaKey'),
    fileSha256: bytes('fileSha256'),
    fileEncSha256: bytes('fileEncSha256'),
    fileLength: Number(part.fileLength),
  }
}

/** Bob sends a file; what arrived of it. */
const receiveFromBob = async (bytes: Buffer, mimetype: string, kind: MediaKind) => {
  const body = { to: shop.number, media: { base64: bytes.toString('base64'), mimetype } }
  const { id } = sent.parse(await world.simulator.call('POST', `/phones/${bob.number}/messages`, body))
  const { message } = await engine.message(id)
  const key: MessageKey = { id, chat: both(bob), sender: both(bob), fromMe: false }
  return { key, media: referenceIn(message.message, kind) }
}

describe('up', () => {
  test.each(['image', 'video', 'audio', 'document', 'sticker'] as const)('a phone opens our %s', async (kind) => {
    const bytes = randomBytes(100_003)
    const upload = await engine.session.uploadMedia({ path: await fileOf(bytes), kind })
    expect(upload.fileLength).toBe(bytes.length)
    expect(upload.fileSha256).toEqual(createHash('sha256').update(bytes).digest())
    const id = newId()
    await engine.send(bob, { [fields[kind]]: { ...upload, mimetype: 'application/x-test' } }, { id })
    expect((await shown(bob, id)).equals(bytes)).toBe(true)
  })

  test('a phone opens a file too large to be held', async () => {
    const bytes = randomBytes(1_500_007)
    const upload = await engine.session.uploadMedia({ path: await fileOf(bytes), kind: 'document' })
    const id = newId()
    await engine.send(bob, { documentMessage: { ...upload, mimetype: 'application/x-test' } }, { id })
    expect((await shown(bob, id)).equals(bytes)).toBe(true)
  })

  test('the encrypted copy is gone from disk', async () => {
    expect((await readdir(home)).filter((name) => name.endsWith('.enc'))).toEqual([])
  })

  test('for a channel it is not encrypted, and comes back as it is', async () => {
    const bytes = randomBytes(5_000)
    const upload = await engine.session.uploadMedia({ path: await fileOf(bytes), kind: 'image', encrypted: false })
    expect(upload).not.toHaveProperty('mediaKey')
    const path = newPath()
    const reference = { ...upload, kind: 'image', mediaKey: null, fileEncSha256: null } as const
    expect(await engine.session.downloadMedia(reference, { path, maxBytes: 1e6 })).toEqual({ size: 5_000 })
    expect(await readFile(path)).toEqual(bytes)
  })
})

describe('down', () => {
  test.each([
    ['image/jpeg', 'image', 70_000],
    ['video/mp4', 'video', 16],
    ['audio/ogg', 'audio', 1],
    ['application/pdf', 'document', 3_000_001],
    ['image/webp', 'sticker', 15],
  ] as const)('we open a %s', async (mimetype, kind, length) => {
    const bytes = randomBytes(length)
    const { media } = await receiveFromBob(bytes, mimetype, kind)
    const path = newPath()
    expect(await engine.session.downloadMedia(media, { path, maxBytes: 1e7 })).toEqual({ size: length })
    // Byte by byte, as `toEqual` does it, three million take seconds.
    expect((await readFile(path)).equals(bytes)).toBe(true)
  })

  test.each([
    ['another file than the message says', (media: MediaReference) => ({ ...media, fileSha256: randomBytes(32) }), 'damaged'],
    ['another ciphertext', (media: MediaReference) => ({ ...media, fileEncSha256: randomBytes(32) }), 'damaged'],
    ['another key', (media: MediaReference) => ({ ...media, mediaKey: randomBytes(32) }), 'damaged'],
    ['another kind of key', (media: MediaReference) => ({ ...media, kind: 'video' as const }), 'damaged'],
    ['a path nobody knows', (media: MediaReference) => ({ ...media, directPath: '/v/t62.image/nothing.enc' }), 'gone'],
    ['a place of somebody else', (media: MediaReference) => ({ ...media, url: 'https://127.0.0.1:1/x', directPath: null }), 'gone'],
    ['a path that names another host', (media: MediaReference) => ({ ...media, directPath: '//127.0.0.1:1/x' }), 'gone'],
    ['more than is wanted', (media: MediaReference) => ({ ...media, fileLength: 5_001 }), 'too-large'],
    ['more than is said and wanted', (media: MediaReference) => ({ ...media, fileLength: null }), 'too-large'],
  ])('refused: %s', async (name, change, code) => {
    const { media } = await receiveFromBob(randomBytes(6_000), 'image/jpeg', 'image')
    const path = newPath()
    const maxBytes = name.startsWith('more') ? 5_000 : 10_000
    await expect(engine.session.downloadMedia(change(media), { path, maxBytes })).rejects.toMatchObject({ code })
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('again', () => {
  test('what has gone from the media host is uploaded again by the phone', async () => {
    const bytes = randomBytes(30_000)
    const { key, media } = await receiveFromBob(bytes, 'image/jpeg', 'image')
    await shop.received(key.id)
    await world.simulator.call('DELETE', '/media')
    await expect(engine.session.downloadMedia(media, { path: newPath(), maxBytes: 1e6 })).rejects.toMatchObject({
      code: 'gone',
      serverCode: 404,
    })
    const again = await engine.session.requestMediaAgain(key, media)
    expect(again.directPath).not.toBe(media.directPath)
    const path = newPath()
    await engine.session.downloadMedia(again, { path, maxBytes: 1e6 })
    expect(await readFile(path)).toEqual(bytes)
  })

  test('what the phone has not either is gone', async () => {
    const { key, media } = await receiveFromBob(randomBytes(100), 'image/jpeg', 'image')
    await shop.received(key.id)
    await world.simulator.call('DELETE', `/phones/${shop.number}/media`)
    await expect(engine.session.requestMediaAgain(key, media)).rejects.toMatchObject({ code: 'gone' })
  })
})

test('both ways lead through the proxy of the instance', async () => {
  const { host: mediaHost } = new URL(z.object({ mediaUrl: z.string() }).parse(await world.simulator.call('GET', '/network')).mediaUrl)
  const reached: string[] = []
  const server = createServer()
  server.on('connect', ({ url = '' }, socket) => {
    reached.push(url)
    const [host = '', port = ''] = url.split(':')
    const there = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(there).pipe(socket)
    })
    for (const one of [there, socket]) one.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const proxy = { protocol: 'http', host: '127.0.0.1', port, username: null, password: null } as const
  const away = await link(world, await world.person('Away'), { proxy })
  const times = () => reached.filter((authority) => authority === mediaHost).length
  const bytes = randomBytes(1_000)
  const upload = await away.session.uploadMedia({ path: await fileOf(bytes), kind: 'image' })
  const afterUpload = times()
  expect(afterUpload).toBeGreaterThan(0)
  const path = newPath()
  await away.session.downloadMedia({ ...referenceIn({ imageMessage: upload }, 'image') }, { path, maxBytes: 1e6 })
  expect(await readFile(path)).toEqual(bytes)
  expect(times()).toBeGreaterThan(afterUpload)
  await away.session.stop()
  server.closeAllConnections()
  server.close()
})
