/** Files that people send: made here, byte by byte where that is easy, by ffmpeg where it is not. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'

/** Stories that need it are skipped where it is missing, except in CI, which installs it. */
export const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0
if (!hasFfmpeg && process.env.CI === 'true') throw new Error('CI must have ffmpeg: see .ci/run')

/** A red PNG. */
export const png = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2], 8)
  const row = Buffer.concat([Buffer.of(0), Buffer.alloc(width * 3, Buffer.of(200, 30, 30))])
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)))
  const signature = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  return Buffer.concat([signature, pngChunk('IHDR', header), pngChunk('IDAT', pixels), pngChunk('IEND', Buffer.alloc(0))])
}

const pngChunk = (type: string, content: Buffer): Buffer => {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(content.length)
  sum.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, sum])
}

/** A GIF of one pixel that is black and white in turns. */
export const animatedGif = (): Buffer => {
  const frame = (pixel: number): number[] => [
    ...[0x21, 0xf9, 4, 0, 10, 0, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0],
    ...[2, 2, pixel === 0 ? 0x44 : 0x4c, 1, 0],
  ]
  const colours = [0, 0, 0, 255, 255, 255]
  return Buffer.concat([
    Buffer.from('GIF89a', 'latin1'),
    Buffer.of(1, 0, 1, 0, 0x80, 0, 0, ...colours, ...frame(0), ...frame(1), ...frame(0), 0x3b),
  ])
}

export const pdf = (): Buffer => Buffer.from('%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n')

/** A tone. */
export const mp3 = (seconds: number): Buffer => ffmpeg(tone(seconds), ['-c:a', 'libmp3lame', '-f', 'mp3'])

/** A voice note as phones record it. */
export const voice = (seconds: number): Buffer => ffmpeg(tone(seconds), ['-ac', '1', '-c:a', 'libopus', '-f', 'ogg'])

/** A film that every phone plays; `codec: mpeg4`: one that none does. */
export const mp4 = (seconds: number, codec: 'libx264' | 'mpeg4' = 'libx264'): Buffer =>
  ffmpeg(['-f', 'lavfi', '-i', `testsrc=size=64x48:rate=10:duration=${seconds}`], ['-c:v', codec, '-pix_fmt', 'yuv420p', '-f', 'mp4'])

const tone = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`]

const ffmpeg = (input: string[], output: string[]): Buffer => {
  const folder = mkdtempSync(join(tmpdir(), 'ryzeapi-files-'))
  try {
    const path = join(folder, 'file')
    execFileSync('ffmpeg', ['-loglevel', 'error', ...input, ...output, path])
    return readFileSync(path)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
