/** Pictures, films, sounds, documents and stickers that we send: to a person, a LID and a group, quoting, and refused. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createApi } from '../toolkit/api.ts'
import { animatedGif, hasFfmpeg, mp3, mp4, pdf, png, voice } from '../toolkit/files.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import { type Body, type MediaCast, mediaCast, mediaOf, plainly } from '../toolkit/media-cast.ts'
import { onStage } from '../toolkit/stage.ts'

const jpeg = /^\/9j\//

onStage(
  'Media that is sent',
  (stage) => {
    let cast: MediaCast
    let files: Server
    /** Where callers' files lie. */
    let address: string
    const served = new Map<string, { type: string; bytes: Buffer }>()

    beforeAll(async () => {
      files = createServer((request, response) => {
        const file = served.get(request.url ?? '')
        response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? 'text/plain' }).end(file?.bytes)
      })
      await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
      address = `http://127.0.0.1:${(files.address() as AddressInfo).port}`
      cast = await mediaCast(stage)
    })
    afterAll(() => {
      cast?.listeners[2].close()
      files?.close()
    })

    const post = (kind: 'media' | 'sticker', body: Body) => cast.line.api.post(`/api/message/${kind}/media`, body)

    interface Sending {
      kind?: 'media' | 'sticker'
      body: Body
      /** Of the answer. */
      data: Body
      /** Where it is in the message on the wire, and what it says there. */
      wire: [path: string, fields: object]
      /** The file as it arrives; where it was converted, only what kind it is. */
      bytes: Buffer | ((file: Buffer) => boolean)
      /** The event's `message`, given the size of the file. */
      message: (size: number) => object
    }

    /** To the friend's number, LID and group, there as a quote; each is fetched and decrypted by the phone and told of with its bytes. */
    const sendEverywhere = async ({ kind = 'media', body, data, wire: [path, fields], bytes, message }: Sending): Promise<void> => {
      const { line, friend, group } = cast
      const question = await friend.send(group, 'Have you got it?')
      await Promise.all(cast.listeners.map((one) => one.next({ data: { id: question } })))
      const places: readonly [to: string, more: Body][] = [
        [friend.number, {}],
        [friend.lid, {}],
        [group, { replyTo: question }],
      ]
      for (const [number, more] of places) {
        const sent = await post(kind, { number, source: 'crm', ...body, ...more })
        expect(sent).toMatchObject({ status: 200, body: { success: true, message: 'Message sent successfully', status: 'sent' } })
        const id = text(sent.body, 'data.messageId')
        const got = await friend.next({ id, fromMe: false })
        expect(at(got, `message.${path}`)).toMatchObject(fields)
        const file = Buffer.from(text(got, 'media.base64'), 'base64')
        expect(typeof bytes === 'function' ? bytes(file) : file.equals(bytes)).toBe(true)

        const inGroup = number === group
        const chat = {
          ...(inGroup ? { jid: group, lid: null } : { jid: friend.jid, lid: friend.lid }),
          name: at(sent.body, 'data.chat.name'),
        }
        const sender = { jid: line.phone.jid, lid: line.phone.lid, name: line.phone.name }
        expect(at(sent.body, 'data')).toEqual({
          messageId: id,
          direction: 'outgoing',
          timestamp: expect.any(String),
          source: 'crm',
          chat: expect.objectContaining(chat),
          sender,
          ...(inGroup ? { replyTo: { messageId: question } } : {}),
          mediaUrl: expect.stringMatching(/^https:\/\//),
          mediaSize: file.length,
          ...data,
        })
        if (inGroup) {
          expect(at(got, `message.${path}.contextInfo`)).toMatchObject({
            stanzaId: question,
            participant: expect.stringContaining('@'),
            quotedMessage: { conversation: 'Have you got it?' },
          })
        }
        const context = inGroup ? { messageId: question, participant: expect.any(String), content: 'Have you got it?', mentions: [] } : null
        await cast.told(id, file, {
          id,
          direction: 'outgoing',
          timestamp: expect.any(String),
          chat: { ...chat, type: inGroup ? 'group' : 'private' },
          sender,
          recipient: chat,
          message: { ...message(file.length), source: 'crm', context },
        })
        const kept = await line.api.get(`/api/chat/base64/media?messageId=${id}`)
        expect([kept.status, at(kept.body, 'base64')]).toEqual([200, file.toString('base64')])
      }
    }

    const encoded = (bytes: Buffer) => bytes.toString('base64')
    const isWebp = (file: Buffer) => file.toString('latin1', 8, 12) === 'WEBP'
    const isOgg = (file: Buffer) => file.toString('latin1', 0, 4) === 'OggS'
    const isMp4 = (file: Buffer) => file.toString('latin1', 4, 8) === 'ftyp'

    it('an image, by address', async () => {
      const bytes = png(300, 200)
      served.set('/red.png', { type: 'application/octet-stream', bytes })
      const size = { width: 300, height: 200 }
      await sendEverywhere({
        body: { mediaType: 'image', mediaUrl: `${address}/red.png`, message: 'Look' },
        data: { messageType: 'image', content: 'Look', mediaMimeType: 'image/png' },
        wire: ['imageMessage', { mimetype: 'image/png', caption: 'Look', ...size, jpegThumbnail: expect.stringMatching(jpeg) }],
        bytes,
        message: (length) => plainly('image', 'Look', mediaOf('image', 'image/png', length, { caption: 'Look', ...size })),
      })
    })

    it('an image to be viewed once, as a data: URL', async () => {
      const bytes = png(40, 30)
      const size = { width: 40, height: 30 }
      await sendEverywhere({
        body: { mediaType: 'image', mediaUrl: `data:image/png;base64,${encoded(bytes)}`, viewOnce: true },
        data: { messageType: 'image', content: '', mediaMimeType: 'image/png' },
        wire: ['viewOnceMessageV2.message.imageMessage', { viewOnce: true, ...size }],
        bytes,
        message: (length) => plainly('image', '', mediaOf('image', 'image/png', length, { isViewOnce: true, ...size })),
      })
    })

    it('a document, in base64', async () => {
      const bytes = pdf()
      const card = { fileName: 'Q3.pdf', caption: 'Report' }
      await sendEverywhere({
        body: { mediaType: 'document', mediaBase64: encoded(bytes), fileName: 'Q3.pdf', message: 'Report' },
        data: { messageType: 'document', content: 'Report', mediaMimeType: 'application/pdf' },
        wire: ['documentMessage', { mimetype: 'application/pdf', title: 'Q3.pdf', ...card }],
        bytes,
        message: (length) => plainly('document', 'Report', mediaOf('document', 'application/pdf', length, card)),
      })
    })

    it('a document, as an upload', async () => {
      const { line, friend } = cast
      const form = new FormData()
      form.set('number', friend.number)
      form.set('mediaType', 'document')
      form.set('mimetype', 'application/x-ours')
      form.set('mediaBase64', new Blob([Uint8Array.of(1, 2, 3, 4)]), 'data.bin')
      const answer = await fetch(`${stage.gateway.url}/api/message/media/media`, {
        method: 'POST',
        headers: { token: line.token },
        body: form,
      })
      const sent = (await answer.json()) as Json
      expect([answer.status, at(sent, 'data.mediaMimeType'), at(sent, 'data.mediaSize')]).toEqual([200, 'application/x-ours', 4])
      const got = await friend.next({ id: text(sent, 'data.messageId') })
      expect(at(got, 'message.documentMessage')).toMatchObject({ fileName: 'data.bin', mimetype: 'application/x-ours' })
      expect(text(got, 'media.base64')).toBe('AQIDBA==')
    })

    it('to everybody in a group, and to some', async () => {
      const { friend, group } = cast
      const image = { mediaType: 'image', mediaBase64: encoded(png(9, 9)), message: `@${friend.number}` }
      const sent = await post('media', { number: group, ...image, mention: [friend.number], mentionAll: true })
      expect(at(sent.body, 'data.mentions')).toEqual([friend.jid])
      const got = await friend.next({ id: text(sent.body, 'data.messageId') })
      expect(at(got, 'message.imageMessage.contextInfo')).toMatchObject({ mentionedJid: [friend.jid], nonJidMentions: 1 })
    })

    it('to a channel, for everybody to read', async () => {
      const { line, friend } = cast
      const simulator = createApi(stage.simulator.url)
      const made = await simulator.post('/newsletters', { by: line.phone.number, name: 'News' })
      const channel = text(made.body, 'id')
      await simulator.post(`/newsletters/${channel}/follow`, { by: friend.number })
      const bytes = png(5, 5)
      const sent = await post('media', { number: channel, mediaType: 'image', mediaBase64: encoded(bytes), message: 'News' })
      expect(at(sent.body, 'data')).toMatchObject({ chat: { jid: channel }, content: 'News', mediaSize: bytes.length })
      const got = await friend.next({ chat: channel })
      expect(at(got, 'message.imageMessage')).toMatchObject({ caption: 'News', width: 5 })
      expect(at(got, 'message.imageMessage')).not.toHaveProperty('mediaKey')
      expect(text(got, 'media.base64')).toBe(encoded(bytes))
    })

    it('a sticker', async () => {
      const side = { width: 512, height: 512 }
      await sendEverywhere({
        kind: 'sticker',
        body: { imageUrl: `data:image/png;base64,${encoded(png(30, 90))}` },
        // No `content`: stickers have none.
        data: { messageType: 'sticker', mediaMimeType: 'image/webp' },
        wire: ['stickerMessage', { mimetype: 'image/webp', isAnimated: false, ...side }],
        bytes: isWebp,
        message: (length) => plainly('sticker', '', mediaOf('sticker', 'image/webp', length, side)),
      })
    })

    it('an animated sticker', async () => {
      const sent = await post('sticker', { number: cast.friend.number, imageUrl: encoded(animatedGif()) })
      const got = await cast.friend.next({ id: text(sent.body, 'data.messageId') })
      expect(at(got, 'message.stickerMessage.isAnimated')).toBe(true)
      expect(Buffer.from(text(got, 'media.base64'), 'base64').includes('ANIM')).toBe(true)
    })

    it.skipIf(!hasFfmpeg)('a voice note, made of music', async () => {
      const type = 'audio/ogg; codecs=opus'
      await sendEverywhere({
        body: { mediaType: 'audio', mediaBase64: encoded(mp3(2)), message: 'sounds have no caption' },
        data: { messageType: 'audio', content: '', mediaMimeType: type, mediaDuration: 2 },
        wire: ['audioMessage', { mimetype: type, ptt: true, seconds: 2, waveform: expect.stringMatching(/^[\w+/]{86}==$/) }],
        bytes: isOgg,
        message: (length) => plainly('audio', '', mediaOf('ptt', type, length, { isVoiceNote: true, seconds: 2 })),
      })
    })

    it.skipIf(!hasFfmpeg)('a voice note to be heard once, as long as the caller says', async () => {
      const bytes = voice(1)
      const type = 'audio/ogg; codecs=opus'
      await sendEverywhere({
        body: { mediaType: 'audio', mediaBase64: encoded(bytes), viewOnce: true, duration: 7, waveform: [0, 255] },
        data: { messageType: 'audio', content: '', mediaMimeType: type, mediaDuration: 7 },
        wire: ['viewOnceMessageV2Extension.message.audioMessage', { ptt: true, seconds: 7, viewOnce: true }],
        bytes,
        message: (length) => plainly('audio', '', mediaOf('ptt', type, length, { isVoiceNote: true, isViewOnce: true, seconds: 7 })),
      })
    })

    it.skipIf(!hasFfmpeg)('music', async () => {
      const bytes = mp3(2)
      await sendEverywhere({
        body: { mediaType: 'audio', mediaBase64: encoded(bytes), isVoice: false },
        data: { messageType: 'audio', content: '', mediaMimeType: 'audio/mpeg' },
        wire: ['audioMessage', { mimetype: 'audio/mpeg', ptt: false, seconds: 2 }],
        bytes,
        message: (length) => plainly('audio', '', mediaOf('audio', 'audio/mpeg', length, { seconds: 2 })),
      })
    })

    it.skipIf(!hasFfmpeg)('a video', async () => {
      const bytes = mp4(1)
      const size = { width: 64, height: 48, seconds: 1 }
      await sendEverywhere({
        body: { mediaType: 'video', mediaBase64: encoded(bytes), message: 'Film' },
        data: { messageType: 'video', content: 'Film', mediaMimeType: 'video/mp4' },
        wire: ['videoMessage', { mimetype: 'video/mp4', caption: 'Film', ...size, jpegThumbnail: expect.stringMatching(jpeg) }],
        bytes,
        message: (length) => plainly('video', 'Film', mediaOf('video', 'video/mp4', length, { caption: 'Film', ...size })),
      })
    })

    it.skipIf(!hasFfmpeg).each([
      ['that no phone plays is converted', { mediaBase64: () => encoded(mp4(1, 'mpeg4')) }, {}, false],
      ['is shown as a GIF when it is one', { mediaBase64: () => encoded(animatedGif()) }, {}, true],
      ['is shown as a GIF when that is asked for', { mediaBase64: () => encoded(mp4(1)) }, { gif: true }, true],
    ])('a video %s', async (_what, { mediaBase64 }, more, asGif) => {
      const sent = await post('media', { number: cast.friend.number, mediaType: 'video', mediaBase64: mediaBase64(), ...more })
      const id = text(sent.body, 'data.messageId')
      const got = await cast.friend.next({ id })
      expect(at(got, 'message.videoMessage.gifPlayback') ?? false).toBe(asGif)
      expect(isMp4(Buffer.from(text(got, 'media.base64'), 'base64'))).toBe(true)
      expect(at(await cast.listeners[1].next({ data: { id } }), 'data.message.media')).toMatchObject({ type: 'video', isAnimated: asGif })
    })

    const image = { mediaType: 'image', mediaBase64: encoded(png(4, 4)) }
    const large = encoded(Buffer.alloc(1024 * 1024 + 1, 'x'))
    it.each<[what: string, kind: 'media' | 'sticker', body: Body | (() => Body), message: string | RegExp]>([
      ['nobody to send it to', 'media', { number: '', ...image }, 'Number is required'],
      ['nobody there', 'media', { number: '34699999999', ...image }, 'Number 34699999999 is not registered on WhatsApp'],
      ['no type', 'media', { ...image, mediaType: null }, 'mediaType is required'],
      ['an unknown type', 'media', { ...image, mediaType: 'IMAGE' }, /^Invalid request body: mediaType/],
      ['no source', 'media', { mediaType: 'image' }, 'Provide exactly one of mediaUrl or mediaBase64'],
      ['two sources', 'media', { ...image, mediaUrl: 'https://example.org/a.png' }, 'Provide exactly one of mediaUrl or mediaBase64'],
      ['a long caption', 'media', { ...image, message: 'x'.repeat(1025) }, 'Message must have at most 1024 characters'],
      ['an unknown quote', 'media', { ...image, replyTo: 'NONE' }, 'Quoted message not found'],
      [
        'nothing at the address',
        'media',
        () => ({ mediaType: 'image', mediaUrl: `${address}/none` }),
        'Failed to download media: the server answered 404',
      ],
      ['a forbidden address', 'media', { mediaType: 'image', mediaUrl: 'http://10.0.0.1/a.png' }, /^Failed to download media: \S/],
      [
        'no address',
        'media',
        { mediaType: 'image', mediaUrl: 'ftp://example.org/a.png' },
        'Failed to download media: not an http or https address',
      ],
      ['no picture', 'media', { ...image, mediaBase64: 'aGVsbG8=' }, 'Failed to process media: text/plain is not a picture'],
      ['no base64', 'media', { ...image, mediaBase64: '%%%%' }, 'Failed to process media: not valid base64'],
      ['too much in base64', 'media', { mediaType: 'document', mediaBase64: large }, 'Media must be at most 1 MB'],
      ['too much at the address', 'media', () => ({ mediaType: 'document', mediaUrl: `${address}/large` }), 'Media must be at most 1 MB'],
      [
        'a document to be viewed once',
        'media',
        { ...image, mediaType: 'document', viewOnce: true },
        'A document cannot be sent to be viewed once',
      ],
      ['a sticker of nothing', 'sticker', {}, 'imageUrl is required'],
      ['a sticker of a text', 'sticker', { imageUrl: 'aGVsbG8=' }, 'Failed to process media: text/plain is not a picture'],
    ])('%s: refused, and nothing is sent', async (_what, kind, body, message) => {
      served.set('/large', { type: 'application/pdf', bytes: Buffer.from(large, 'base64') })
      const answer = await post(kind, { number: cast.friend.number, ...(typeof body === 'function' ? body() : body) })
      const expected = typeof message === 'string' ? message : expect.stringMatching(message)
      expect([answer.status, answer.body]).toEqual([400, { success: false, error: { message: expected } }])
    })
  },
  { env: { MEDIA_LIMIT_MIB: '1' } },
)
