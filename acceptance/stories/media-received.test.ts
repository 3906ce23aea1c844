/** Pictures, films, sounds, documents and stickers that people send: every form they come in, to a person and to a group. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { pdf, png } from '../toolkit/files.ts'
import { at } from '../toolkit/json.ts'
import { type Body, type MediaCast, mediaCast, mediaOf, plainly } from '../toolkit/media-cast.ts'
import { onStage } from '../toolkit/stage.ts'

onStage('Media that arrives', (stage) => {
  let cast: MediaCast
  beforeAll(async () => {
    cast = await mediaCast(stage)
  })
  afterAll(() => cast?.listeners[2].close())

  interface Arriving {
    message: Body
    file: { bytes: Buffer; mimetype: string } | null
    /** The event's `message`. */
    expected: object
  }

  /** From the friend, to the line's number and LID and to the group; every listener is told exactly this. */
  const receiveEverywhere = async ({ message, file, expected }: Arriving): Promise<string> => {
    const { line, friend, group } = cast
    let id = ''
    for (const to of [line.phone.number, line.phone.lid, group]) {
      id = await friend.send(to, message, file === null ? {} : { file })
      const chat =
        to === group
          ? { jid: group, lid: null, name: expect.toBeOneOf([null, 'Media']), type: 'group' }
          : { jid: friend.jid, lid: friend.lid, name: 'Bea', type: 'private' }
      await cast.told(id, file?.bytes ?? null, {
        id,
        direction: 'incoming',
        timestamp: expect.any(String),
        chat,
        sender: { jid: friend.jid, lid: friend.lid, name: 'Bea' },
        recipient: null,
        message: expected,
      })
    }
    return id
  }

  const picture = { bytes: png(20, 10), mimetype: 'image/png' }
  const size = { width: 20, height: 10 }
  const imageOf = (more: Body = {}) => mediaOf('image', 'image/png', picture.bytes.length, { ...size, ...more })
  const sound = { bytes: Buffer.from('OggS, as far as anybody looks'), mimetype: 'audio/ogg; codecs=opus' }
  const film = { bytes: Buffer.from('a film, as far as anybody looks'), mimetype: 'video/mp4' }
  const sticker = { bytes: Buffer.from('RIFF....WEBP'), mimetype: 'image/webp' }
  const quoted = {
    stanzaId: '3EB0QUOTED',
    participant: '34600111222@s.whatsapp.net',
    quotedMessage: { imageMessage: { caption: 'Before' } },
  }
  const context = { messageId: '3EB0QUOTED', participant: '34600111222@s.whatsapp.net', content: 'Before', mentions: [] }
  const voiceMedia = (more: Body = {}) => mediaOf('ptt', sound.mimetype, sound.bytes.length, { isVoiceNote: true, seconds: 3, ...more })

  it.each<[string, Arriving]>([
    [
      'an image',
      {
        message: { imageMessage: { caption: 'Look', ...size } },
        file: picture,
        expected: plainly('image', 'Look', imageOf({ caption: 'Look' })),
      },
    ],
    [
      'an image that quotes another, in a chat whose messages disappear',
      {
        message: { ephemeralMessage: { message: { imageMessage: { ...size, contextInfo: { ...quoted, expiration: 86_400 } } } } },
        file: picture,
        expected: plainly('image', '', imageOf(), { context }),
      },
    ],
    [
      'an image that was forwarded',
      {
        message: { imageMessage: { ...size, contextInfo: { isForwarded: true, forwardingScore: 2 } } },
        file: picture,
        expected: plainly('image', '', imageOf(), { isForwarded: true }),
      },
    ],
    [
      'a picture of an album',
      {
        message: {
          imageMessage: size,
          messageContextInfo: {
            messageAssociation: { associationType: 'MEDIA_ALBUM', parentMessageKey: { id: '3EB0ALBUM', fromMe: true } },
          },
        },
        file: picture,
        expected: plainly('image', '', imageOf(), { album: { messageId: '3EB0ALBUM' } }),
      },
    ],
    [
      'the announcement of an album',
      {
        message: { albumMessage: { expectedImageCount: 2, expectedVideoCount: 1 } },
        file: null,
        expected: plainly('unknown', '', null, { album: { messageId: null, images: 2, videos: 1 } }),
      },
    ],
    ...(['viewOnceMessage', 'viewOnceMessageV2', 'viewOnceMessageV2Extension'] as const).map((envelope): [string, Arriving] => [
      `an image to be viewed once (${envelope})`,
      {
        message: { [envelope]: { message: { imageMessage: size } } },
        file: picture,
        expected: plainly('image', '', imageOf({ isViewOnce: true })),
      },
    ]),
    [
      'a video',
      {
        message: { videoMessage: { caption: 'Film', seconds: 9, ...size } },
        file: film,
        expected: plainly('video', 'Film', mediaOf('video', 'video/mp4', film.bytes.length, { caption: 'Film', seconds: 9, ...size })),
      },
    ],
    [
      'a GIF',
      {
        message: { videoMessage: { gifPlayback: true, seconds: 1 } },
        file: film,
        expected: plainly('video', '', mediaOf('video', 'video/mp4', film.bytes.length, { isAnimated: true, seconds: 1 })),
      },
    ],
    [
      'a video note',
      {
        message: { ptvMessage: { seconds: 5, width: 400, height: 400 } },
        file: film,
        expected: plainly('video', '', mediaOf('ptv', 'video/mp4', film.bytes.length, { seconds: 5, width: 400, height: 400 })),
      },
    ],
    ['a voice note', { message: { audioMessage: { ptt: true, seconds: 3 } }, file: sound, expected: plainly('audio', '', voiceMedia()) }],
    [
      'a voice note to be heard once',
      {
        message: { viewOnceMessageV2Extension: { message: { audioMessage: { ptt: true, seconds: 3, viewOnce: true } } } },
        file: sound,
        expected: plainly('audio', '', voiceMedia({ isViewOnce: true })),
      },
    ],
    [
      'music',
      {
        message: { audioMessage: { seconds: 200 } },
        file: { ...sound, mimetype: 'audio/mp4' },
        expected: plainly('audio', '', mediaOf('audio', 'audio/mp4', sound.bytes.length, { seconds: 200 })),
      },
    ],
    [
      'a document',
      {
        message: { documentMessage: { title: 'Q3', fileName: 'Q3.pdf', pageCount: 2 } },
        file: { bytes: pdf(), mimetype: 'application/pdf' },
        expected: plainly('document', '', mediaOf('document', 'application/pdf', pdf().length, { fileName: 'Q3.pdf' })),
      },
    ],
    [
      'a document with a caption',
      {
        message: { documentWithCaptionMessage: { message: { documentMessage: { fileName: 'Q3.pdf', caption: 'Report' } } } },
        file: { bytes: pdf(), mimetype: 'application/pdf' },
        expected: plainly(
          'document',
          'Report',
          mediaOf('document', 'application/pdf', pdf().length, { fileName: 'Q3.pdf', caption: 'Report' }),
        ),
      },
    ],
    [
      'a sticker',
      {
        message: { stickerMessage: { width: 512, height: 512 } },
        file: sticker,
        expected: plainly('sticker', '', mediaOf('sticker', 'image/webp', sticker.bytes.length, { width: 512, height: 512 })),
      },
    ],
    [
      'an animated sticker',
      {
        message: { stickerMessage: { isAnimated: true } },
        file: sticker,
        expected: plainly('sticker', '', mediaOf('sticker', 'image/webp', sticker.bytes.length, { isAnimated: true })),
      },
    ],
    [
      'a sticker drawn as one goes',
      {
        message: { lottieStickerMessage: { message: { stickerMessage: { isLottie: true } } } },
        file: { ...sticker, mimetype: 'application/was' },
        expected: plainly('sticker', '', mediaOf('sticker', 'application/was', sticker.bytes.length, { isAnimated: true })),
      },
    ],
    [
      'what nobody here knows',
      { message: { placeholderMessage: { type: 'MASK_LINKED_DEVICES' } }, file: null, expected: plainly('unknown', '', null) },
    ],
  ])('%s', async (_what, arriving) => {
    await receiveEverywhere(arriving)
  })

  it('a new caption', async () => {
    const { friend, line } = cast
    const original = await friend.send(line.phone.number, { imageMessage: { caption: 'Lok', ...size } }, { file: picture })
    await Promise.all(cast.listeners.map((one) => one.next({ data: { id: original } })))
    const key = { id: original, fromMe: true, remoteJid: line.phone.jid }
    const editedMessage = { imageMessage: { caption: 'Look', ...size } }
    const edit = { protocolMessage: { key, type: 'MESSAGE_EDIT', editedMessage } }
    const id = await friend.send(line.phone.number, edit, { edit: '1' })
    for (const one of cast.listeners) {
      expect(at(await one.next({ data: { id } }), 'data.message')).toEqual(
        plainly('message_edit', 'Look', null, { isEdit: true, edit: { original_id: original, text: 'Look' } }),
      )
    }
  })

  it('what the owner sends from the phone', async () => {
    const { friend, line } = cast
    const id = await line.phone.send(friend.number, { imageMessage: { caption: 'Mine', ...size } }, { file: picture })
    const person = { jid: friend.jid, lid: friend.lid, name: 'Bea' }
    await cast.told(id, picture.bytes, {
      id,
      direction: 'outgoing',
      timestamp: expect.any(String),
      chat: { ...person, type: 'private' },
      sender: { jid: line.phone.jid, lid: line.phone.lid, name: line.phone.name },
      recipient: person,
      message: plainly('image', 'Mine', imageOf({ caption: 'Mine' })),
    })
  })
})
