/** What arrives is fetched and kept, whatever happens on the way; what is sent is kept; what is old or deleted goes. */
import { randomBytes } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, test, vi } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import { EngineError } from '../../whatsapp/engine.ts'
import { startS3 } from './s3-server.ts'
import { DAY, openStage, type Stage, wireMedia } from './stage.ts'

/** Files kept for an instance. */
const files = async (stage: Stage, instanceId: string): Promise<string[]> => {
  const names = await readdir(join(stage.home, 'media', instanceId), { recursive: true }).catch(() => [])
  return names.filter((name) => name.length > 60)
}

const gone = (stage: Stage, path: string, onPhones = true) => stage.host.expire(path, { onPhones })

forEachDatabase((_name, open) => {
  describe('arriving', () => {
    test('media is downloaded and can be read, more than once', async () => {
      const stage = await openStage(await open())
      const bytes = randomBytes(200_000)
      const id = await stage.receive('shop', bytes, { messageId: 'M1' })
      expect(await stage.until('shop', 'M1', 'stored')).toEqual({
        id,
        messageId: 'M1',
        state: 'stored',
        type: 'image',
        mimeType: 'image/jpeg',
        fileName: null,
        size: bytes.length,
        s3Url: null,
      })
      const opened = await stage.media.open('shop', id)
      expect(opened?.size).toBe(bytes.length)
      for (let time = 0; time < 2; time++) expect(bytes.equals(Buffer.concat(await (opened?.stream().toArray() ?? [])))).toBe(true)
      expect(await readdir(join(stage.home, 'tmp'))).toEqual([])
    })

    test('belongs to its instance alone', async () => {
      const stage = await openStage(await open())
      const id = await stage.receive('shop', randomBytes(10), { messageId: 'M1' })
      await stage.until('shop', 'M1', 'stored')
      expect(await stage.media.open('desk', id)).toBeNull()
      expect(await stage.media.find('desk', 'M1')).toBeNull()
    })

    test('who opens it while it is on its way gets it once it is here', async () => {
      const stage = await openStage(await open())
      const gate = Promise.withResolvers<void>()
      stage.gate = gate.promise
      const bytes = randomBytes(1_000)
      const id = await stage.receive('shop', bytes, { messageId: 'M1' })
      const content = stage.content('shop', id)
      const settled = stage.media.settled('shop', id)
      expect((await stage.media.find('shop', 'M1'))?.state).toBe('pending')
      gate.resolve()
      expect(await content).toEqual(bytes)
      await settled
    })

    test('nobody waits for what is older than twenty seconds', async () => {
      const stage = await openStage(await open())
      stage.connected.clear()
      const id = await stage.receive('shop', randomBytes(10))
      stage.clock.time += 20_001
      expect(await stage.media.open('shop', id)).toBeNull()
      await stage.media.settled('shop', id)
    })

    test('an instance that is not connected gets its media when it is, also after a restart', async () => {
      const stage = await openStage(await open())
      stage.connected.delete('shop')
      await stage.receive('shop', randomBytes(10), { messageId: 'M1' })
      const other = await stage.receive('desk', randomBytes(10), { messageId: 'M2' })
      await stage.until('desk', 'M2', 'stored')
      expect(await stage.content('desk', other)).not.toBeNull()
      await stage.restart()
      expect((await stage.media.find('shop', 'M1'))?.state).toBe('pending')
      stage.connected.add('shop')
      stage.media.connected('shop')
      await stage.until('shop', 'M1', 'stored')
    })

    test('a failure is tried again', async () => {
      const stage = await openStage(await open())
      stage.host.failure = new EngineError('rejected', 'the media host answered 500', 500)
      await stage.receive('shop', randomBytes(10), { messageId: 'M1' })
      await vi.waitFor(() => expect(stage.most).toBe(1))
      stage.host.failure = null
      await vi.waitFor(async () => {
        stage.clock.time += 5_000
        stage.media.wake()
        expect((await stage.media.find('shop', 'M1'))?.state).toBe('stored')
      })
    })

    test('what has gone from the host is asked of the phone', async () => {
      const stage = await openStage(await open())
      const bytes = randomBytes(1_000)
      const upload = stage.host.put(bytes)
      gone(stage, upload.directPath)
      const id = await stage.receive('shop', bytes, { messageId: 'M1', upload })
      await stage.until('shop', 'M1', 'stored')
      expect(stage.host.askedAgain).toEqual(['M1'])
      expect(await stage.content('shop', id)).toEqual(bytes)
    })

    test.each([
      ['nobody has', (stage: Stage, path: string) => gone(stage, path, false)],
      [
        'is too large',
        (stage: Stage) => {
          stage.host.failure = new EngineError('too-large', 'larger')
        },
      ],
    ])('what %s is lost, and nobody waits for it', async (_what, spoil) => {
      const stage = await openStage(await open())
      const upload = stage.host.put(randomBytes(10))
      spoil(stage, upload.directPath)
      const id = await stage.receive('shop', randomBytes(10), { messageId: 'M1', upload })
      await stage.until('shop', 'M1', 'lost')
      expect(await stage.media.open('shop', id)).toBeNull()
    })

    test('what is damaged three times is lost', async () => {
      const stage = await openStage(await open())
      const upload = { ...stage.host.put(randomBytes(10)), fileSha256: randomBytes(32) }
      await stage.receive('shop', randomBytes(10), { messageId: 'M1', upload })
      await vi.waitFor(
        async () => {
          stage.clock.time += 60_000
          stage.media.wake()
          expect((await stage.media.find('shop', 'M1'))?.state).toBe('lost')
        },
        { timeout: 30_000 },
      )
    })

    test('the same content again is not downloaded again, and is there once', async () => {
      const stage = await openStage(await open())
      const bytes = randomBytes(1_000)
      await stage.receive('shop', bytes, { messageId: 'M1' })
      await stage.until('shop', 'M1', 'stored')
      const upload = stage.host.put(bytes)
      gone(stage, upload.directPath, false)
      const id = await stage.receive('shop', bytes, { messageId: 'M2', upload })
      await stage.until('shop', 'M2', 'stored')
      expect(await stage.content('shop', id)).toEqual(bytes)
      expect(await files(stage, 'shop')).toHaveLength(1)
    })

    test('a flood for one instance leaves room for the others, and never more run than allowed', async () => {
      const stage = await openStage(await open(), { concurrency: 3 })
      const gate = Promise.withResolvers<void>()
      stage.gate = gate.promise
      for (let index = 0; index < 8; index++) await stage.receive('shop', randomBytes(10), { messageId: `S${index}` })
      await stage.receive('desk', randomBytes(10), { messageId: 'D' })
      await vi.waitFor(() => expect(stage.most).toBe(3))
      gate.resolve()
      await stage.until('desk', 'D', 'stored')
      await stage.until('shop', 'S7', 'stored')
      expect(stage.most).toBe(3)
    })

    test('a message whose id somebody used before does not speak for the earlier one', async () => {
      const stage = await openStage(await open())
      const first = await stage.receive('shop', randomBytes(10), { messageId: 'M1' })
      await stage.receive('shop', randomBytes(10), { messageId: 'M1', chat: 'eve@s.whatsapp.net', sender: 'eve@s.whatsapp.net' })
      expect((await stage.media.find('shop', 'M1'))?.id).toBe(first)
    })
  })

  describe('sending', () => {
    const session = (stage: Stage) => ({ uploadMedia: stage.host.upload.bind(stage.host), downloadMedia: never, requestMediaAgain: never })
    const never = () => Promise.reject(new Error('not asked for'))

    test('what is attached is uploaded, and kept under its id without a download', async () => {
      const database = await open()
      const stage = await openStage(database)
      const png = await sharp({ create: { width: 40, height: 20, channels: 3, background: 'red' } })
        .png()
        .toBuffer()
      const source = { base64: png.toString('base64'), fileName: 'red.png' }
      const attached = await stage.media.attach(source, { as: 'image' }, { instanceId: 'shop', session: session(stage) })
      expect(attached).toMatchObject({ mimeType: 'image/png', width: 40, height: 20, size: png.length, fileName: 'red.png' })
      expect(stage.host.get(attached.upload.directPath)).toEqual(png)
      gone(stage, attached.upload.directPath, false)
      const { id } = attached
      await stage.receive('shop', png, { id, messageId: 'M1', media: wireMedia(attached.upload), fileFollows: true, fromMe: true })
      await stage.media.keep('shop', attached)
      expect(await stage.until('shop', 'M1', 'stored')).toMatchObject({ id, size: png.length })
      expect(await stage.content('shop', id)).toEqual(png)
      expect(await readdir(join(stage.home, 'tmp'))).toEqual([])
    })

    test.each([
      ['the upload', { base64: Buffer.from('%PDF-1.7').toString('base64') }, { as: 'document' }, new EngineError('rejected', 'no')],
      ['the conversion', { base64: Buffer.from('hello').toString('base64') }, { as: 'image' }, null],
    ] as const)('nothing is left when %s fails', async (_what, source, wanted, failure) => {
      const stage = await openStage(await open())
      stage.host.failure = failure
      await expect(stage.media.attach(source, wanted, { instanceId: 'shop', session: session(stage) })).rejects.toThrow()
      expect(await readdir(join(stage.home, 'tmp'))).toEqual([])
    })

    test('after a crash before it was kept it is downloaded like any other', async () => {
      const stage = await openStage(await open())
      const bytes = randomBytes(100)
      await stage.receive('shop', bytes, { messageId: 'M1', fileFollows: true })
      await writeFile(join(stage.home, 'tmp', 'left'), bytes)
      await stage.restart()
      expect(await readdir(join(stage.home, 'tmp'))).toEqual([])
      stage.clock.time += 60_000
      stage.media.wake()
      await stage.until('shop', 'M1', 'stored')
    })
  })

  describe('a bucket', () => {
    const withBucket = async (stage: Stage) => {
      const s3 = await startS3(stage.home, ['media'])
      stage.buckets.set('shop', { ...s3.configuration('media'), pathPrefix: 'wa/' })
      return s3
    }

    test('takes what arrives; it is found there under the address an event was told before', async () => {
      const stage = await openStage(await open())
      const s3 = await withBucket(stage)
      const bytes = randomBytes(50_000)
      const id = stage.media.newId()
      const upload = stage.host.put(bytes)
      const urlOf = await stage.media.s3Urls('shop')
      const told = urlOf?.({ id, media: wireMedia(upload) })
      await stage.receive('shop', bytes, { id, messageId: 'M1', upload })
      await stage.media.settled('shop', id)
      const stored = await stage.until('shop', 'M1', 'stored')
      expect(stored.s3Url).toBe(told)
      expect(told).toBe(`${s3.url}/media/wa/name%20of%20shop/${id}.jpg`)
      // The copy here goes after an hour; from then on the bucket is read.
      stage.clock.time += 3_700_000
      await stage.restart()
      await vi.waitFor(async () => expect(await files(stage, 'shop')).toEqual([]))
      expect(bytes.equals((await stage.content('shop', id)) ?? Buffer.alloc(0))).toBe(true)
      await s3.close()
    })

    test('that refuses is reported, nothing is lost, and what waited goes there once it is put right', async () => {
      const stage = await openStage(await open())
      const s3 = await withBucket(stage)
      const right = stage.buckets.get('shop')
      if (right === undefined) throw new Error('no bucket')
      stage.buckets.set('shop', { ...right, secretKey: 'wrong' })
      await stage.media.buckets.changed('shop')
      const bytes = randomBytes(1_000)
      const id = await stage.receive('shop', bytes, { messageId: 'M1' })
      await vi.waitFor(() => expect(stage.media.buckets.trouble('shop')).toBe('the secret key is wrong'))
      expect(await stage.content('shop', id)).toEqual(bytes)
      expect((await stage.media.find('shop', 'M1'))?.s3Url).toBeNull()
      stage.buckets.set('shop', right)
      await stage.media.buckets.changed('shop')
      await vi.waitFor(async () => expect((await stage.media.find('shop', 'M1'))?.s3Url).not.toBeNull())
      expect(stage.media.buckets.trouble('shop')).toBeNull()
      await s3.close()
    })

    test('that is away gets it when it is back', async () => {
      const stage = await openStage(await open())
      const s3 = await withBucket(stage)
      await s3.close()
      await stage.receive('shop', randomBytes(1_000), { messageId: 'M1' })
      await vi.waitFor(() => expect(stage.media.buckets.trouble('shop')).toBe('connection refused'))
      const back = await startS3(stage.home, ['media'], Number(new URL(s3.url).port))
      await vi.waitFor(async () => {
        stage.clock.time += 10_000
        stage.media.wake()
        expect((await stage.media.find('shop', 'M1'))?.s3Url).not.toBeNull()
      })
      await back.close()
    })
  })

  describe('going', () => {
    test('after the retention time', async () => {
      const stage = await openStage(await open())
      const old = await stage.receive('shop', randomBytes(10), { messageId: 'M1' })
      await stage.until('shop', 'M1', 'stored')
      stage.clock.time += 20 * DAY
      const young = await stage.receive('shop', randomBytes(10), { messageId: 'M2' })
      await stage.until('shop', 'M2', 'stored')
      stage.clock.time += 11 * DAY
      await stage.restart()
      await vi.waitFor(async () => expect(await files(stage, 'shop')).toHaveLength(1))
      expect(await stage.media.open('shop', old)).toBeNull()
      expect(await stage.media.find('shop', 'M1')).toBeNull()
      expect(await stage.content('shop', young)).not.toBeNull()
    })

    test('with its message or its chat, but not while another message has the same content', async () => {
      const stage = await openStage(await open())
      const bytes = randomBytes(10)
      await stage.receive('shop', bytes, { messageId: 'M1' })
      const second = await stage.receive('shop', bytes, { messageId: 'M2' })
      await stage.receive('shop', randomBytes(10), { messageId: 'M3', chat: 'eve@s.whatsapp.net' })
      await Promise.all(['M1', 'M2', 'M3'].map((message) => stage.until('shop', message, 'stored')))
      await stage.media.remove('shop', 'bob@s.whatsapp.net', ['M1'])
      expect(await stage.media.find('shop', 'M1')).toBeNull()
      expect(await stage.content('shop', second)).toEqual(bytes)
      await stage.media.remove('shop', 'bob@s.whatsapp.net')
      expect(await stage.media.find('shop', 'M2')).toBeNull()
      expect(await files(stage, 'shop')).toHaveLength(1)
      expect(await stage.media.find('shop', 'M3')).not.toBeNull()
    })

    test('with its instance; the same content of another stays', async () => {
      const database = await open()
      const stage = await openStage(database)
      const bytes = randomBytes(10)
      const kept = await stage.receive('desk', bytes, { messageId: 'D' })
      await stage.receive('shop', bytes, { messageId: 'S' })
      await stage.until('shop', 'S', 'stored')
      await stage.until('desk', 'D', 'stored')
      await database.db.write((tx) => tx.deleteFrom('instances').where('id', '=', 'shop').execute())
      stage.media.instanceDeleted('shop')
      await vi.waitFor(async () => expect(await readdir(join(stage.home, 'media'))).toEqual(['desk']))
      expect(await stage.content('desk', kept)).toEqual(bytes)
      expect(await database.db.read.selectFrom('media').select('id').execute()).toHaveLength(1)
    })

    test('also when nobody was there to see the instance deleted', async () => {
      const database = await open()
      const stage = await openStage(database)
      await stage.receive('shop', randomBytes(10), { messageId: 'S' })
      await stage.until('shop', 'S', 'stored')
      await database.db.write((tx) => tx.deleteFrom('instances').where('id', '=', 'shop').execute())
      await stage.restart()
      await vi.waitFor(async () => expect(await readdir(join(stage.home, 'media'))).toEqual([]))
    })

    test('by hand: what the folder lost is not there, and nothing breaks', async () => {
      const stage = await openStage(await open())
      const id = await stage.receive('shop', randomBytes(10), { messageId: 'M1' })
      await stage.until('shop', 'M1', 'stored')
      await rm(join(stage.home, 'media'), { recursive: true })
      expect(await stage.media.open('shop', id)).toBeNull()
    })
  })
})
