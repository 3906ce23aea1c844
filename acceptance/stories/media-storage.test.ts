/** Media that arrives is fetched, kept and told of: by webhook, by the API, in the instance's own bucket. */
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApi } from '../toolkit/api.ts'
import { eventually } from '../toolkit/eventually.ts'
import { at, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import { type S3, startS3 } from '../toolkit/s3.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

onStage('Media', (stage) => {
  let line: Line
  let ana: Phone
  let s3: S3

  beforeAll(async () => {
    s3 = await startS3('media')
    line = await stage.line('shop')
    ana = await stage.phone({ name: 'Ana' })
  })
  afterAll(() => s3?.stop())

  /** Ana sends the shop a file; gives the message id. */
  const sendFile = async (bytes: Buffer, mimetype: string, caption?: string): Promise<string> => {
    const answer = await createApi(stage.simulator.url).post(`/phones/${ana.number}/messages`, {
      to: line.phone.number,
      media: { base64: bytes.toString('base64'), mimetype },
      ...(caption === undefined ? {} : { text: caption }),
    })
    return text(answer.body, 'id')
  }

  const inApi = (id: string) => line.api.get(`/api/chat/base64/shop?messageId=${id}`)
  const keptFiles = async () =>
    (await readdir(join(stage.gateway.dataDir, 'media'), { recursive: true }).catch(() => [])).filter((name) => name.length > 60)

  it('one webhook gets it in base64, one gets only what it is; the API has it too', async () => {
    const [withBytes, without] = [await stage.receiver(), await stage.receiver()]
    const configure = (label: string, url: string, mediaBase64: boolean) =>
      line.api.post('/api/events/webhook/shop', { label, enabled: true, url, events: ['message.exchange'], mediaBase64 })
    await configure('bytes', withBytes.url, true)
    await configure('plain', without.url, false)
    const bytes = randomBytes(100_000)
    const id = await sendFile(bytes, 'image/jpeg', 'look')
    const media = {
      type: 'image',
      mimetype: 'image/jpeg',
      mimeType: 'image/jpeg',
      caption: 'look',
      fileName: null,
      fileSize: bytes.length,
      isVoiceNote: false,
      url: /^https:\/\//,
      s3Url: null,
    }
    const full = await withBytes.next({ data: { id, direction: 'incoming', message: { media } } })
    expect(text(full, 'data.message.media.base64')).toBe(bytes.toString('base64'))
    const plain = await without.next({ data: { id, message: { media: { ...media, base64: null } } } })
    expect(at(plain, 'data.message.media')).not.toHaveProperty('blob')
    expect(await inApi(id)).toMatchObject({
      status: 200,
      body: {
        success: true,
        message: 'Base64 retrieved successfully',
        message_id: id,
        mime_type: 'image/jpeg',
        media_type: 'image',
        base64: bytes.toString('base64'),
      },
    })
  })

  it('what has no media is said to have none', async () => {
    const id = await ana.send(line.phone.number, 'hello')
    for (const asked of [id, 'NOBODY']) {
      expect(await inApi(asked)).toMatchObject({ status: 404, body: { error: { message: 'Message not found or no media available' } } })
    }
    const without = await line.api.get('/api/chat/base64/shop')
    expect(without).toMatchObject({ status: 400, body: { error: { message: 'messageId query parameter is required' } } })
  })

  it('what has gone from the media host while the gateway was away is asked of the phone', async () => {
    const bytes = randomBytes(50_000)
    await stage.gateway.stop()
    const id = await sendFile(bytes, 'application/pdf')
    await line.phone.next({ id })
    await createApi(stage.simulator.url).delete('/media')
    await stage.gateway.restart()
    const answer = await eventually('the document to be here', async () => {
      const found = await inApi(id)
      return found.status === 200 && found
    })
    expect(at(answer.body, 'base64')).toBe(bytes.toString('base64'))
    expect(at(answer.body, 'media_type')).toBe('document')
  })

  it('a bucket that refuses is reported and nothing is lost; once it is put right, media is where its event said', async () => {
    const wrong = {
      enabled: true,
      region: 'us-east-1',
      bucket: 'media',
      accessKey: s3.accessKey,
      secretKey: 'wrong-secret-key',
      endpoint: s3.url,
      pathPrefix: 'wa/',
    }
    const { secretKey: _, ...shown } = wrong
    expect(await line.api.post('/api/instance/s3/shop', wrong)).toMatchObject({
      status: 200,
      body: { success: true, message: 'S3 configuration updated', s3: { ...shown, error: 'the secret key is wrong' } },
    })
    const receiver = await stage.receiver()
    await line.api.post('/api/events/webhook/shop', { label: 'plain', enabled: true, url: receiver.url, mediaBase64: false })
    const bytes = randomBytes(20_000)
    const id = await sendFile(bytes, 'image/png')
    const { body: read } = await eventually('the trouble to be told', async () => {
      const answer = await line.api.get('/api/instance/getS3/shop')
      return at(answer.body, 's3.error') !== undefined && answer
    })
    expect(read).toEqual({ success: true, s3: { ...shown, secretKey: null, error: 'the secret key is wrong' } })
    expect(at((await inApi(id)).body, 'base64')).toBe(bytes.toString('base64'))

    const right = await line.api.post('/api/instance/s3/shop', { ...wrong, secretKey: s3.secretKey })
    expect(right.body).toEqual({ success: true, message: 'S3 configuration updated', s3: shown })
    const told = text(await receiver.next({ data: { id } }), 'data.message.media.s3Url')
    expect(told).toMatch(new RegExp(`^${s3.url}/media/wa/shop/[0-9A-Z]{26}\\.png$`))
    await eventually('the object to be in the bucket', async () => (await s3.object(told))?.equals(bytes))
    expect((await line.api.get('/api/instance/getS3/shop')).body).toEqual({ success: true, s3: { ...shown, secretKey: null } })
  })

  it('deleting the instance takes its files from here, and leaves the bucket alone', async () => {
    expect(await keptFiles()).not.toEqual([])
    const before = await s3.objects()
    expect(before).not.toEqual([])
    expect((await stage.account.delete('/api/instance/delete/shop')).status).toBe(200)
    await eventually('the files to be gone', async () => (await keptFiles()).length === 0)
    expect(await s3.objects()).toEqual(before)
  })
})

onStage(
  'Without ffmpeg',
  (stage) => {
    it('the gateway says so in /health and is well', async () => {
      const { status, body } = await stage.gateway.api().get('/health')
      expect([status, at(body, 'status'), at(body, 'checks.ffmpeg')]).toEqual([200, 'ok', 'missing'])
    })

    it('a recorded voice note and an MP4 go as they are; what would have to be converted is refused and says why', async () => {
      const line = await stage.line('plain')
      const friend = await stage.phone()
      const send = (body: { [key: string]: string }) => line.api.post('/api/message/media/plain', { number: friend.number, ...body })
      const head = Buffer.from(
        'OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0',
        'latin1',
      )
      // Its last page counts 3 s at 48 kHz, after the 312 samples that are skipped.
      const end = Buffer.alloc(27)
      end.write('OggS', 'latin1')
      end.writeBigInt64LE(144_312n, 6)
      const recorded = Buffer.concat([head, end])
      const film = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom\0\0\0\0isomiso2'), Buffer.alloc(64)])
      for (const [mediaType, bytes] of [
        ['audio', recorded],
        ['video', film],
      ] as const) {
        const sent = await send({ mediaType, mediaBase64: bytes.toString('base64') })
        const got = await friend.next({ id: text(sent.body, 'data.messageId') })
        expect(text(got, 'media.base64')).toBe(bytes.toString('base64'))
        expect(at(sent.body, 'data.mediaDuration')).toBe(mediaType === 'audio' ? 3 : undefined)
      }
      const message = 'Failed to process media: making a voice note of video/mp4 needs ffmpeg, which is not installed on this gateway'
      const refused = await send({ mediaType: 'audio', mediaBase64: film.toString('base64') })
      expect(refused).toMatchObject({ status: 400, body: { success: false, error: { message } } })
    })
  },
  { env: { FFMPEG_PATH: '/nowhere/ffmpeg' } },
)
