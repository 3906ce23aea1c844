/** How messages with media read out of recorded protobuf bytes, in every envelope, and what a caller's file becomes. */
import { describe, expect, test } from 'vitest'
import { LongValue } from '../../http/long-value.ts'
import type { Attached, MediaSource, Wanted } from '../../media/media.ts'
import { eventMedia, readWireMedia } from '../../media/wire-media.ts'
import { envelopes } from '../../whatsapp/envelopes.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { readContext, writeContext } from '../context.ts'
import { checkAttached, composeAttached } from '../kinds/attached-media.ts'
import { outgoingMedia } from '../kinds/media.ts'
import { readMessage } from '../kinds/registry.ts'
import { outgoingSticker } from '../kinds/sticker.ts'
import { arrived } from './recorded.ts'

const told = (message: WireMessage) => {
  const media = readWireMedia(message)
  return media === null ? null : eventMedia(media, null)
}

const nothing = {
  fileName: null,
  fileSize: null,
  caption: null,
  isVoiceNote: false,
  isAnimated: false,
  isViewOnce: false,
  seconds: null,
  width: null,
  height: null,
  url: null,
  s3Url: null,
  base64: null,
}

const place = { url: 'https://mmg.whatsapp.net/a.enc', directPath: '/a.enc', mediaKey: Buffer.alloc(32, 1), fileLength: 77 }

describe('what arrives', () => {
  test.each<[string, WireMessage, { type: string; content: string; details?: object }, object]>([
    [
      'an image',
      { imageMessage: { ...place, mimetype: 'image/png', caption: 'Look', width: 3, height: 2 } },
      { type: 'image', content: 'Look' },
      { type: 'image', mimetype: 'image/png', caption: 'Look', width: 3, height: 2, fileSize: 77, url: place.url },
    ],
    ['an image that says nothing', { imageMessage: {} }, { type: 'image', content: '' }, { type: 'image', mimetype: 'image/jpeg' }],
    [
      'a video',
      { videoMessage: { ...place, caption: 'Film', seconds: 9 } },
      { type: 'video', content: 'Film' },
      { type: 'video', mimetype: 'video/mp4', caption: 'Film', seconds: 9, fileSize: 77, url: place.url },
    ],
    [
      'a GIF',
      { videoMessage: { gifPlayback: true } },
      { type: 'video', content: '' },
      { type: 'video', mimetype: 'video/mp4', isAnimated: true },
    ],
    ['a video note', { ptvMessage: { seconds: 4 } }, { type: 'video', content: '' }, { type: 'ptv', mimetype: 'video/mp4', seconds: 4 }],
    [
      'a voice note',
      { audioMessage: { ptt: true, seconds: 2 } },
      { type: 'audio', content: '' },
      { type: 'ptt', mimetype: 'audio/ogg; codecs=opus', isVoiceNote: true, seconds: 2 },
    ],
    [
      'music',
      { audioMessage: { mimetype: 'audio/mpeg', seconds: 200 } },
      { type: 'audio', content: '' },
      { type: 'audio', mimetype: 'audio/mpeg', seconds: 200 },
    ],
    [
      'a document with a caption',
      { documentMessage: { fileName: 'Q3.pdf', caption: 'Report', mimetype: 'application/pdf' } },
      { type: 'document', content: 'Report' },
      { type: 'document', mimetype: 'application/pdf', fileName: 'Q3.pdf', caption: 'Report' },
    ],
    [
      'a document with a title only',
      { documentMessage: { title: 'Q3' } },
      { type: 'document', content: '' },
      { type: 'document', mimetype: 'application/octet-stream', fileName: 'Q3' },
    ],
    [
      'a sticker',
      { stickerMessage: { width: 512, height: 512 } },
      { type: 'sticker', content: '' },
      { type: 'sticker', mimetype: 'image/webp', width: 512, height: 512 },
    ],
    [
      'an animated sticker',
      { stickerMessage: { isAnimated: true } },
      { type: 'sticker', content: '' },
      { type: 'sticker', mimetype: 'image/webp', isAnimated: true },
    ],
    [
      'a Lottie sticker',
      { lottieStickerMessage: { message: { stickerMessage: { isLottie: true, mimetype: 'application/was' } } } },
      { type: 'sticker', content: '' },
      { type: 'sticker', mimetype: 'application/was', isAnimated: true },
    ],
    [
      'a part of an album',
      { imageMessage: {}, messageContextInfo: { messageAssociation: { associationType: 1, parentMessageKey: { id: 'ALBUM' } } } },
      { type: 'image', content: '', details: { album: { messageId: 'ALBUM' } } },
      { type: 'image', mimetype: 'image/jpeg' },
    ],
    [
      'the sharp twin of an image, which is no part of an album',
      { imageMessage: {}, messageContextInfo: { messageAssociation: { associationType: 10, parentMessageKey: { id: 'A' } } } },
      { type: 'image', content: '' },
      { type: 'image', mimetype: 'image/jpeg' },
    ],
  ])('%s', (what, written, reading, { type, mimetype, ...more }: { type?: string; mimetype?: string }) => {
    const message = arrived(`media: ${what}`, written)
    expect(readMessage(message)).toEqual({ ...reading, changes: null, mediaType: type })
    expect(told(message)).toEqual({ ...nothing, type, mimetype, mimeType: mimetype, ...more })
  })

  test.each(envelopes)('in %s', (envelope) => {
    const message = arrived(`in ${envelope}`, { [envelope]: { message: { imageMessage: { caption: 'Look' } } } })
    expect(readMessage(message)).toMatchObject({ type: 'image', content: 'Look' })
    expect(told(message)).toMatchObject({ type: 'image', caption: 'Look', isViewOnce: envelope.startsWith('viewOnce') })
  })

  test('in envelopes without end, which nobody opens to the bottom', () => {
    let message: WireMessage = { imageMessage: {} }
    for (let depth = 0; depth < 20; depth++) message = { ephemeralMessage: { message } }
    expect(readMessage(message)).toMatchObject({ type: 'unknown', content: '' })
    expect(told(message)).toBeNull()
  })

  test('an album announced', () => {
    expect(readMessage(arrived('an album', { albumMessage: { expectedImageCount: 2 } }))).toEqual({
      type: 'unknown',
      content: '',
      changes: null,
      mediaType: null,
      details: { album: { messageId: null, images: 2, videos: 0 } },
    })
  })

  test.each<[string, WireMessage]>([
    ['an image', { imageMessage: { caption: 'new' } }],
    ['a video', { videoMessage: { caption: 'new' } }],
    ['a document', { documentWithCaptionMessage: { message: { documentMessage: { caption: 'new' } } } }],
  ])('a new caption of %s', (what, editedMessage) => {
    const message = arrived(`a new caption of ${what}`, { protocolMessage: { type: 14, key: { id: 'A' }, editedMessage } })
    expect(readMessage(message)).toEqual({ type: 'message_edit', content: 'new', changes: 'A', mediaType: null })
  })

  test('quotes and forwards are read inside an envelope, and a quote is stripped of its own', () => {
    const contextInfo = {
      stanzaId: 'A',
      participant: '1@s.whatsapp.net',
      quotedMessage: { imageMessage: { caption: 'Before' } },
      isForwarded: true,
    }
    const message: WireMessage = { viewOnceMessageV2: { message: { imageMessage: { caption: 'Now', contextInfo } } } }
    expect(readContext(arrived('a quote in an envelope', message))).toEqual({
      isForwarded: true,
      context: { messageId: 'A', participant: '1@s.whatsapp.net', content: 'Before', mentions: [] },
    })
    const again = writeContext({ messageId: 'B', author: '2@s.whatsapp.net', otherChat: null, message }, { people: [], everybody: false })
    expect(again?.quotedMessage).toEqual({ imageMessage: { caption: 'Now', contextInfo: null } })
  })
})

describe('what is sent', () => {
  const upload = { url: 'https://mmg.whatsapp.net/a.enc', directPath: '/a.enc', fileSha256: Buffer.alloc(32), fileLength: 4 }
  const made: Attached = {
    id: 'M',
    upload,
    mimeType: 'a/b',
    fileName: 'a.b',
    size: 4,
    width: null,
    height: null,
    seconds: null,
    thumbnail: null,
    waveform: null,
    animated: false,
    gif: false,
    file: { path: '', size: 4, mimeType: 'a/b', fileName: 'a.b', discard: async () => {} },
  }
  const compose = async (type: 'image' | 'video' | 'audio' | 'document', body: object, attached: Partial<Attached> = {}) => {
    const asked: { source: MediaSource; wanted: Wanted }[] = []
    const attach = async (source: MediaSource, wanted: Wanted) => {
      asked.push({ source, wanted })
      return { ...made, ...attached }
    }
    const { message, ...rest } = await composeAttached(type, { mediaUrl: 'u', ...body }, { attach, contextInfo: null })
    return { ...rest, asked: asked[0], message }
  }
  const common = { ...upload, mimetype: 'a/b' }
  const answer = { mediaUrl: upload.url, mediaMimeType: 'a/b', mediaSize: 4 }

  test.each<[string, Parameters<typeof compose>, WireMessage]>([
    [
      'an image',
      ['image', { message: 'Look' }, { width: 3, height: 2 }],
      { imageMessage: { ...common, width: 3, height: 2, caption: 'Look' } },
    ],
    ['a video', ['video', {}, { seconds: 9 }], { videoMessage: { ...common, seconds: 9 } }],
    ['a GIF', ['video', {}, { gif: true }], { videoMessage: { ...common, gifPlayback: true } }],
    ['music', ['audio', { isVoice: false, message: 'no' }, { seconds: 9 }], { audioMessage: { ...common, ptt: false, seconds: 9 } }],
    ['a document', ['document', {}, {}], { documentMessage: { ...common, fileName: 'a.b', title: 'a.b' } }],
    [
      'a document without a name',
      ['document', {}, { fileName: null }],
      { documentMessage: { ...common, fileName: 'file', title: 'file' } },
    ],
    [
      'an image to be viewed once',
      ['image', { viewOnce: true }, {}],
      { viewOnceMessageV2: { message: { imageMessage: { ...common, viewOnce: true } } } },
    ],
  ])('%s', async (_what, asked, message) => {
    const composed = await compose(...asked)
    expect(composed.message).toEqual(message)
    expect(composed.answer).toEqual(answer)
  })

  test('a voice note is one unless something else is said, and tells how long it is', async () => {
    const composed = await compose('audio', { duration: 7, waveform: [1, 2] }, { seconds: 7 })
    expect(composed.asked).toEqual({
      source: { url: 'u', base64: null, mimeType: null, fileName: null },
      wanted: { as: 'audio', voice: true, seconds: 7, waveform: [1, 2] },
    })
    expect(composed.message).toEqual({ audioMessage: { ...common, ptt: true, seconds: 7 } })
    expect(composed.answer).toEqual({ ...answer, mediaDuration: 7 })
  })

  test('mimeType wins over its other spelling', async () => {
    const { asked } = await compose('document', { mimeType: 'a/b', mimetype: 'c/d', fileName: 'x' })
    expect(asked?.source).toMatchObject({ mimeType: 'a/b', fileName: 'x' })
    expect((await compose('document', { mimetype: 'c/d' })).asked?.source.mimeType).toBe('c/d')
  })

  const spooled = new LongValue({ path: '', size: 1 }, { encoding: 'bytes', mimeType: null, fileName: null })
  test.each([{}, { mediaUrl: ' ' }, { mediaUrl: 'a', mediaBase64: 'b' }, { mediaUrl: spooled, mediaBase64: 'b' }])(
    'not exactly one source: %j',
    (body) => {
      expect(() => checkAttached(body)).toThrow('Provide exactly one of mediaUrl or mediaBase64')
    },
  )
  test('a caption has as many characters as people count', () => {
    expect(() => checkAttached({ mediaUrl: spooled, message: '👍'.repeat(1024) })).not.toThrow()
    expect(() => checkAttached({ mediaUrl: spooled, message: 'x'.repeat(1025) })).toThrow('at most 1024')
  })
  test('nothing to send', () => {
    expect(() => outgoingMedia.check({ mediaUrl: 'a' })).toThrow('mediaType is required')
    expect(() => outgoingSticker.check({ imageUrl: ' ' })).toThrow('imageUrl is required')
    expect(() => outgoingSticker.check({ imageUrl: spooled })).not.toThrow()
  })
})
