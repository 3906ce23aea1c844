/** Conversion with the real sharp and the real ffmpeg. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLogger } from '../../runtime/logging.ts'
import { type Converter, createConverter } from '../convert/convert.ts'
import { detectMimeType } from '../detect.ts'
import type { MediaFile } from '../media-file.ts'
import { createTemporaryFolder } from '../temporary-folder.ts'
import { hasFfmpeg, make, streamsOf } from './ffmpeg.ts'

const programFolders = (process.env.PATH ?? '').split(delimiter)

let home: string
let converter: Converter
let withoutFfmpeg: Converter

const folderOf = () => createTemporaryFolder(home)

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'ryzeapi-convert-'))
  await folderOf().open()
  const common = { folder: folderOf(), logger: createLogger('silent'), timeoutMs: 60_000, concurrency: 2, limit: 50 * 1024 * 1024 }
  converter = createConverter({ ...common, ffmpegPath: 'ffmpeg', programFolders })
  withoutFfmpeg = createConverter({ ...common, ffmpegPath: join(home, 'no', 'ffmpeg'), programFolders })
})
afterAll(() => rm(home, { recursive: true, force: true }))

/** A copy, since converting takes its file away. */
const incoming = async (source: string | Buffer, fileName: string | null = null): Promise<MediaFile> => {
  const folder = folderOf()
  const path = folder.newPath()
  await (typeof source === 'string' ? copyFile(source, path) : writeFile(path, source))
  return folder.file(path, { mimeType: await detectMimeType(path, { caller: null, origin: null, fileName }), fileName })
}

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 4, background: { r: 200, g: 30, b: 30, alpha: 0.5 } } })

const animation = async (frames: number, side: number): Promise<Buffer> => {
  const pictures = await Promise.all(
    Array.from({ length: frames }, (_, index) =>
      sharp({ create: { width: side, height: side, channels: 4, background: { r: index * 20, g: 99, b: 10, alpha: 1 } } })
        .png()
        .toBuffer(),
    ),
  )
  return sharp(pictures, { join: { animated: true } })
    .gif({ delay: frames === 0 ? [] : Array(frames).fill(100) })
    .toBuffer()
}

describe('pictures', () => {
  test('JPEG stays as it is, with its size as shown and a small JPEG', async () => {
    const bytes = await picture(400, 200).jpeg().withMetadata({ orientation: 6 }).toBuffer()
    const done = await converter.convert(await incoming(bytes), { as: 'image' })
    expect(await readFile(done.file.path)).toEqual(bytes)
    expect(done).toMatchObject({ mimeType: 'image/jpeg', width: 200, height: 400, seconds: null, gif: false })
    const thumbnail = await sharp(Buffer.from(done.thumbnail ?? [])).metadata()
    expect(thumbnail).toMatchObject({ format: 'jpeg', width: 50, height: 100 })
  })

  test.each(['webp', 'tiff', 'gif', 'avif'] as const)('%s becomes JPEG', async (format) => {
    const done = await converter.convert(await incoming(await picture(300, 300).toFormat(format).toBuffer(), 'a.b'), { as: 'image' })
    expect((await sharp(done.file.path).metadata()).format).toBe('jpeg')
    expect(done).toMatchObject({ mimeType: 'image/jpeg', width: 300, height: 300 })
    expect(done.file.fileName).toBe('a.jpg')
  })

  test.each([
    ['a text', Buffer.from('hello')],
    ['a drawing, which could name files of ours', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ['a broken one', Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(500, 1)])],
  ])('%s is refused', async (_name, bytes) => {
    await expect(converter.convert(await incoming(bytes), { as: 'image' })).rejects.toThrow(/^Failed to process media: /)
  })
})

describe('stickers', () => {
  test('a picture becomes 512 × 512 WebP on a transparent ground', async () => {
    const done = await converter.convert(await incoming(await picture(300, 100).png().toBuffer()), { as: 'sticker' })
    const { data, info } = await sharp(done.file.path).raw().toBuffer({ resolveWithObject: true })
    expect((await sharp(done.file.path).metadata()).format).toBe('webp')
    expect([info.width, info.height, info.channels, data[3]]).toEqual([512, 512, 4, 0])
    expect(done).toMatchObject({ mimeType: 'image/webp', animated: false, width: 512, height: 512 })
  })

  test('an animated GIF stays animated', async () => {
    const done = await converter.convert(await incoming(await animation(5, 64)), { as: 'sticker' })
    expect(await sharp(done.file.path).metadata()).toMatchObject({ format: 'webp', pages: 5, width: 512, height: 512, loop: 0 })
    expect(done.animated).toBe(true)
  })

  test('a sticker that is one already is left alone', async () => {
    const bytes = await picture(512, 512).webp().toBuffer()
    const done = await converter.convert(await incoming(bytes), { as: 'sticker' })
    expect(await readFile(done.file.path)).toEqual(bytes)
  })
})

test('profile pictures are square', async () => {
  const { full, preview } = await converter.profilePicture(await incoming(await picture(900, 300).png().toBuffer()))
  expect(await sharp(full).metadata()).toMatchObject({ format: 'jpeg', width: 640, height: 640 })
  expect(await sharp(preview).metadata()).toMatchObject({ format: 'jpeg', width: 96, height: 96 })
})

test('documents are never touched', async () => {
  const bytes = Buffer.from('%PDF-1.7\n1 0 obj\n')
  const done = await converter.convert(await incoming(bytes, 'a.pdf'), { as: 'document' })
  expect(done).toMatchObject({ mimeType: 'application/pdf', thumbnail: null })
  expect(await readFile(done.file.path)).toEqual(bytes)
})

describe.skipIf(!hasFfmpeg)('with ffmpeg', () => {
  const voice = { as: 'audio', voice: true } as const

  test.each([
    ['MP3', ['-c:a', 'libmp3lame', '-f', 'mp3']],
    ['WAV', ['-f', 'wav']],
    ['stereo Opus', ['-ac', '2', '-c:a', 'libopus', '-f', 'ogg']],
  ])('a voice note of %s', async (_name, output) => {
    const source = make(join(home, 'sound'), { sound: true, seconds: 3, output })
    const done = await converter.convert(await incoming(source), voice)
    expect(streamsOf(done.file.path)).toMatchObject([{ codec_name: 'opus', channels: 1 }])
    expect(done).toMatchObject({ mimeType: 'audio/ogg; codecs=opus', seconds: 3, thumbnail: null })
    expect(done.waveform).toHaveLength(64)
    expect(Math.max(...(done.waveform ?? []))).toBe(100)
  })

  test('Opus with one channel stays as it is; what the caller says of it wins', async () => {
    const source = make(join(home, 'opus'), { sound: true, seconds: 2, output: ['-ac', '1', '-c:a', 'libopus', '-f', 'ogg'] })
    const done = await converter.convert(await incoming(source), { ...voice, seconds: 9, waveform: [0, 255] })
    expect(await readFile(done.file.path)).toEqual(await readFile(source))
    expect(done.seconds).toBe(9)
    expect([...(done.waveform ?? [])]).toEqual([...Array(32).fill(0), ...Array(32).fill(100)])
  })

  test('music: MP3 stays, FLAC becomes M4A', async () => {
    const mp3 = make(join(home, 'mp3'), { sound: true, seconds: 2, output: ['-f', 'mp3'] })
    const kept = await converter.convert(await incoming(mp3), { as: 'audio', voice: false })
    expect(kept).toMatchObject({ mimeType: 'audio/mpeg', seconds: 2, waveform: null })
    const flac = make(join(home, 'flac'), { sound: true, seconds: 2, output: ['-f', 'flac'] })
    const made = await converter.convert(await incoming(flac), { as: 'audio', voice: false })
    expect(made).toMatchObject({ mimeType: 'audio/mp4', seconds: 2 })
    expect(streamsOf(made.file.path)).toMatchObject([{ codec_name: 'aac' }])
  })

  test.each([
    ['WebM', ['-c:v', 'libvpx', '-c:a', 'libopus', '-f', 'webm']],
    ['AVI', ['-c:v', 'mpeg4', '-c:a', 'mp3', '-f', 'avi']],
    ['MP4 that phones do not play', ['-c:v', 'mpeg4', '-c:a', 'aac', '-f', 'mp4']],
  ])('a video of %s', async (_name, output) => {
    const source = make(join(home, 'film'), { picture: '321x241', sound: true, seconds: 2, output })
    const done = await converter.convert(await incoming(source, 'film.x'), { as: 'video' })
    expect(streamsOf(done.file.path)).toMatchObject([
      { codec_name: 'h264', pix_fmt: 'yuv420p', width: 320, height: 240 },
      { codec_name: 'aac' },
    ])
    expect(done).toMatchObject({ mimeType: 'video/mp4', width: 320, height: 240, seconds: 2, gif: false })
    expect(done.file.fileName).toBe('film.mp4')
    expect(await sharp(Buffer.from(done.thumbnail ?? [])).metadata()).toMatchObject({ format: 'jpeg', width: 100, height: 75 })
  })

  test('H.264 in MP4 stays as it is', async () => {
    const output = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-f', 'mp4']
    const source = make(join(home, 'mp4'), { picture: '640x360', sound: true, seconds: 2, output })
    const done = await converter.convert(await incoming(source), { as: 'video' })
    expect(await readFile(done.file.path)).toEqual(await readFile(source))
    expect(done).toMatchObject({ width: 640, height: 360, seconds: 2 })
  })

  test('a large one is made smaller', async () => {
    const source = make(join(home, 'large'), { picture: '1920x1080', seconds: 1, output: ['-c:v', 'mpeg4', '-f', 'mp4'] })
    expect(await converter.convert(await incoming(source), { as: 'video' })).toMatchObject({ width: 1280, height: 720 })
  })

  test('an animated GIF becomes a video that plays as one', async () => {
    const done = await converter.convert(await incoming(await animation(10, 100)), { as: 'video' })
    expect(done).toMatchObject({ mimeType: 'video/mp4', gif: true, width: 100, height: 100 })
  })

  test('a playlist is not followed, whatever it calls itself', async () => {
    const secret = join(home, 'secret.txt')
    await writeFile(secret, 'secret')
    const playlist = Buffer.from(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://${secret}\n#EXT-X-ENDLIST\n`)
    const file = { ...(await incoming(playlist)), mimeType: 'video/mp4' }
    await expect(converter.convert(file, { as: 'video' })).rejects.toThrow(/^Failed to process media: /)
  })

  test('a sound is no video', async () => {
    const source = make(join(home, 'tone'), { sound: true, seconds: 1, output: ['-f', 'mp3'] })
    await expect(converter.convert(await incoming(source), { as: 'video' })).rejects.toThrow('no picture in the video')
  })

  test('a conversion that takes too long is ended', async () => {
    const hurried = createConverter({
      folder: folderOf(),
      logger: createLogger('silent'),
      ffmpegPath: 'ffmpeg',
      programFolders,
      timeoutMs: 1,
      concurrency: 1,
      limit: 1e9,
    })
    const source = make(join(home, 'slow'), { picture: '640x480', seconds: 1, output: ['-c:v', 'mpeg4', '-f', 'mp4'] })
    await expect(hurried.convert(await incoming(source), { as: 'video' })).rejects.toThrow('converting took longer than 0.001 s')
  })

  test('without it, Opus tells how long it is by itself', async () => {
    const source = make(join(home, 'opus2'), { sound: true, seconds: 4, output: ['-ac', '1', '-c:a', 'libopus', '-f', 'ogg'] })
    const done = await withoutFfmpeg.convert(await incoming(source), voice)
    expect(done).toMatchObject({ mimeType: 'audio/ogg; codecs=opus', seconds: 4, waveform: null })
  })
})

describe('without ffmpeg', () => {
  const mp4 = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom\0\0\0\0isomiso2'), Buffer.alloc(64)])
  const mp3 = Buffer.concat([Buffer.from('ID3\x03\0\0\0\0\0\0', 'latin1'), Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(500)])
  const webm = Buffer.concat([Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x87, 0x42, 0x82, 0x84]), Buffer.from('webm'), Buffer.alloc(64)])

  test('it says so', async () => {
    expect(await withoutFfmpeg.available()).toBe(false)
  })

  test.each([
    ['MP4', mp4, { as: 'video' } as const, 'video/mp4'],
    ['MP3 as music', mp3, { as: 'audio', voice: false } as const, 'audio/mpeg'],
    ['MP3 as voice note', mp3, { as: 'audio', voice: true } as const, 'audio/mpeg'],
  ])('%s passes as it is', async (_name, bytes, wanted, mimeType) => {
    const done = await withoutFfmpeg.convert(await incoming(bytes), wanted)
    expect(done.mimeType).toBe(mimeType)
    expect(await readFile(done.file.path)).toEqual(bytes)
  })

  test.each([
    ['a video of WebM', webm, { as: 'video' } as const],
    ['a voice note of MP4', mp4, { as: 'audio', voice: true } as const],
  ])('%s would need it', async (_name, bytes, wanted) => {
    await expect(withoutFfmpeg.convert(await incoming(bytes), wanted)).rejects.toThrow(
      'needs ffmpeg, which is not installed on this gateway',
    )
  })
})
