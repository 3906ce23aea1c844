/** Files per second through the converter, against the same work by sharp and ffmpeg alone. */
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { createConverter } from '../gateway/src/media/convert/convert.ts'
import { createTemporaryFolder } from '../gateway/src/media/temporary-folder.ts'
import type { Wanted } from '../gateway/src/media/wanted.ts'
import { createLogger } from '../gateway/src/runtime/logging.ts'
import { type Measurement, median, round } from './measurement.ts'

const rounds = 3
const atOnce = 2
const run = promisify(execFile)

interface Work {
  what: string
  mimeType: string
  wanted: Wanted
  files: number
  /** Makes the file at this path. */
  make(path: string): Promise<unknown>
  /** What nobody could do without. */
  bare(from: string, to: string): Promise<unknown>
}

const works: readonly Work[] = [
  {
    what: 'pictures to stickers',
    mimeType: 'image/jpeg',
    wanted: { as: 'sticker' },
    files: 60,
    make: (path) =>
      sharp({ create: { width: 1280, height: 960, channels: 3, background: 'teal' } })
        .jpeg()
        .toFile(path),
    bare: (from, to) =>
      sharp(from)
        .resize(512, 512, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
        .webp()
        .toFile(to),
  },
  {
    what: 'sounds of 10 s to voice notes',
    mimeType: 'audio/mpeg',
    wanted: { as: 'audio', voice: true },
    files: 20,
    make: (path) => run('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', 'sine=440:duration=10', '-f', 'mp3', path]),
    bare: (from, to) =>
      run('ffmpeg', [
        '-loglevel',
        'error',
        '-f',
        'mp3',
        '-i',
        from,
        '-ac',
        '1',
        '-ar',
        '48000',
        '-c:a',
        'libopus',
        '-b:a',
        '32k',
        '-f',
        'ogg',
        to,
      ]),
  },
]

export const conversion = async (): Promise<Measurement[]> => {
  const measurements: Measurement[] = []
  for (const work of works) measurements.push(await measured(work))
  return measurements
}

const measured = async ({ what, mimeType, wanted, files, make, bare }: Work): Promise<Measurement> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'ryzeapi-bench-'))
  try {
    const folder = createTemporaryFolder(dataDir)
    await folder.open()
    const logger = createLogger('silent')
    const programFolders = (process.env.PATH ?? '').split(delimiter)
    const tool = { ffmpegPath: 'ffmpeg', programFolders, timeoutMs: 60_000 }
    const converter = createConverter({ folder, logger, ...tool, concurrency: atOnce, limit: 100_000_000 })
    if (!(await converter.available())) throw new Error('this needs ffmpeg')
    const source = join(dataDir, 'source')
    await make(source)
    const ours = async () => {
      const path = folder.newPath()
      await copyFile(source, path)
      const { file } = await converter.convert(await folder.file(path, { mimeType, fileName: null }), wanted)
      await file.discard()
    }
    const theirs = async () => {
      const path = folder.newPath()
      await bare(source, path)
      await rm(path, { force: true })
    }
    const rates: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
    await Promise.all([ours(), theirs()])
    for (let n = 0; n < rounds; n += 1) {
      rates.theirs.push(await perSecond(files, theirs))
      rates.ours.push(await perSecond(files, ours))
    }
    return {
      what: `${what} through the converter ÷ the bare tool`,
      value: median(rates.ours) / median(rates.theirs),
      unit: '',
      bound: { is: 'at least', value: 0.5 },
      detail: `${round(median(rates.ours))} ÷ ${round(median(rates.theirs))} per second, median of ${rounds} × ${files}, ${atOnce} at once; ours also looks at the file before and after`,
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

const perSecond = async (files: number, work: () => Promise<unknown>): Promise<number> => {
  let left = files
  const worker = async () => {
    while (left-- > 0) await work()
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: atOnce }, worker))
  return files / ((performance.now() - began) / 1000)
}
