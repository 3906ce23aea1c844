/**
 * The system's ffmpeg, a process per job. It gets files of strangers, so it may open nothing but the file it was given: the format is
 * named, never guessed (a playlist could name files of ours), and protocols other than files and pipes are off.
 */
import { spawn } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import type { Logger } from '../../runtime/logging.ts'
import { mediaErrors } from '../media-errors.ts'

export interface Ffmpeg {
  /** Both ffmpeg and ffprobe are installed. Looked up once, and again after ten minutes while missing. */
  available(): Promise<boolean>
  /** Throws 400 when it fails or takes too long. `onOutput` gets what it writes to `pipe:1`. */
  run(input: Input, args: readonly string[], options?: RunOptions): Promise<void>
  /** Throws 400 for what it cannot read. */
  probe(input: Input, signal?: AbortSignal): Promise<Probe>
}

export interface Input {
  path: string
  mimeType: string
}

interface RunOptions {
  /** Before `-i`, e.g. where to begin. */
  before?: readonly string[]
  onOutput?(chunk: Buffer): void
  signal?: AbortSignal | undefined
}

export interface Probe {
  /** Null when unknown. */
  seconds: number | null
  video: { codec: string; pixelFormat: string; width: number; height: number } | null
  audio: { codec: string; channels: number } | null
}

interface Collaborators {
  /** `ffmpeg`, or its path; ffprobe is expected beside it. */
  path: string
  /** Where it is looked for when it is just a name. */
  programFolders: readonly string[]
  timeoutMs: number
  logger: Logger
}

const ASK_AGAIN_MS = 600_000
/** Of what a process writes to its standard error; the end says why. */
const KEPT_ERROR = 2_000
const PROBE_OUTPUT = 256 * 1024

/** ffmpeg's name of the format, per MIME type. What is not here is not converted. */
const demuxers: Readonly<Record<string, string>> = {
  'video/mp4': 'mov',
  'video/quicktime': 'mov',
  'video/3gpp': 'mov',
  'video/3gpp2': 'mov',
  'video/x-m4v': 'mov',
  'audio/mp4': 'mov',
  'audio/x-m4a': 'mov',
  'audio/m4a': 'mov',
  'video/webm': 'matroska',
  'video/matroska': 'matroska',
  'video/x-matroska': 'matroska',
  'audio/webm': 'matroska',
  'video/ogg': 'ogg',
  'audio/ogg': 'ogg',
  'audio/opus': 'ogg',
  'application/ogg': 'ogg',
  'video/vnd.avi': 'avi',
  'video/x-msvideo': 'avi',
  'video/x-flv': 'flv',
  'video/x-ms-asf': 'asf',
  'video/x-ms-wmv': 'asf',
  'audio/x-ms-asf': 'asf',
  'video/mp2t': 'mpegts',
  'video/mpeg': 'mpeg',
  'video/mp1s': 'mpeg',
  'image/gif': 'gif',
  'audio/mpeg': 'mp3',
  'audio/aac': 'aac',
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/vnd.wave': 'wav',
  'audio/x-flac': 'flac',
  'audio/flac': 'flac',
  'audio/amr': 'amr',
  'audio/aiff': 'aiff',
  'audio/x-aiff': 'aiff',
}

/** Null: ffmpeg is not asked to read it. */
export const demuxerOf = (mimeType: string): string | null => demuxers[mimeType.replace(/;.*$/s, '').trim()] ?? null

export const createFfmpeg = ({ path, programFolders, timeoutMs, logger }: Collaborators): Ffmpeg => {
  const ffprobe = join(dirname(path), basename(path).replace(/^ffmpeg/, 'ffprobe'))
  const probePath = path.includes('/') ? ffprobe : basename(ffprobe)
  let known: { value: Promise<boolean>; at: number } | null = null

  const ask = async (): Promise<boolean> => {
    const value = (await Promise.all([path, probePath].map((program) => isInstalled(program, programFolders)))).every((one) => one)
    if (!value && known === null) logger.warn('ffmpeg is not installed: voice notes and videos are only sent as they are')
    return value
  }

  const format = ({ path: file, mimeType }: Input): string[] => {
    const demuxer = demuxerOf(mimeType)
    if (demuxer === null) throw mediaErrors.unusable(`${mimeType} cannot be converted`)
    return ['-protocol_whitelist', 'file,pipe', '-f', demuxer, '-i', `file:${file}`]
  }

  const execution = async (program: string, args: readonly string[], options: RunOptions): Promise<void> => {
    try {
      await execute(program, args, { ...options, timeoutMs })
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason
      logger.info({ err: error }, 'A media file could not be converted')
      const late = error instanceof ProcessError && error.timedOut
      throw mediaErrors.unusable(late ? `converting took longer than ${timeoutMs / 1000} s` : 'the file is damaged or of an unknown format')
    }
  }

  return {
    async available() {
      const asked = known
      if (asked !== null && ((await asked.value) || performance.now() - asked.at < ASK_AGAIN_MS)) return asked.value
      const value = ask()
      known = { value, at: performance.now() }
      return value
    },

    run: (input, args, options = {}) =>
      execution(
        path,
        ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', '-threads', '1', ...(options.before ?? []), ...format(input), ...args],
        options,
      ),

    async probe(input, signal) {
      const output: Buffer[] = []
      let length = 0
      const args = ['-loglevel', 'error', '-show_streams', '-show_format', '-of', 'json', ...format(input)]
      await execution(probePath, args, {
        signal,
        onOutput(chunk) {
          length += chunk.length
          if (length <= PROBE_OUTPUT) output.push(chunk)
        },
      })
      return readProbe(Buffer.concat(output).toString('utf8'))
    },
  }
}

/** Looked for as `spawn` does; it is not run, since that stops everything else for as long as a process of this size takes to fork. */
const isInstalled = async (program: string, programFolders: readonly string[]): Promise<boolean> => {
  const named = program.includes('/') ? [program] : programFolders.map((folder) => join(folder, program))
  const places = named.flatMap((place) => [place, `${place}.exe`])
  const found = await Promise.allSettled(places.map((place) => access(place, constants.X_OK)))
  return found.some(({ status }) => status === 'fulfilled')
}

class ProcessError extends Error {
  readonly timedOut: boolean
  constructor(message: string, timedOut: boolean) {
    super(message)
    this.timedOut = timedOut
  }
}

interface Execution extends RunOptions {
  timeoutMs: number
}

const execute = (program: string, args: readonly string[], { timeoutMs, onOutput, signal }: Execution): Promise<void> =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(program, args, { stdio: ['ignore', onOutput === undefined ? 'ignore' : 'pipe', 'pipe'] })
    let said = ''
    let timedOut = false
    const kill = () => child.kill('SIGKILL')
    const timer = setTimeout(() => {
      timedOut = true
      kill()
    }, timeoutMs)
    signal?.addEventListener('abort', kill, { once: true })
    const settle = (error: Error | null) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      if (error === null) resolve()
      else reject(error)
    }
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-KEPT_ERROR)
    })
    if (onOutput !== undefined) child.stdout?.on('data', onOutput)
    child.on('error', settle)
    child.on('close', (code) => settle(code === 0 ? null : new ProcessError(`${basename(program)} ended with ${code}: ${said}`, timedOut)))
  })

const probeSchema = z.object({
  format: z.object({ duration: z.coerce.number().optional().catch(undefined) }).optional(),
  streams: z
    .array(
      z.object({
        codec_type: z.string().optional(),
        codec_name: z.string().default('unknown'),
        pix_fmt: z.string().default('unknown'),
        width: z.number().default(0),
        height: z.number().default(0),
        channels: z.number().default(0),
        duration: z.coerce.number().optional().catch(undefined),
        disposition: z.object({ attached_pic: z.number().default(0) }).optional(),
        side_data_list: z.array(z.object({ rotation: z.number().optional() })).optional(),
      }),
    )
    .default([]),
})

/** ffprobe's JSON. A cover picture is no video; a film turned by a quarter is as wide as it is shown. */
export const readProbe = (json: string): Probe => {
  const parsed = probeSchema.safeParse(parseJson(json))
  if (!parsed.success) throw mediaErrors.unusable('the file is damaged or of an unknown format')
  const { streams, format } = parsed.data
  const video = streams.find(({ codec_type, disposition }) => codec_type === 'video' && disposition?.attached_pic !== 1)
  const audio = streams.find(({ codec_type }) => codec_type === 'audio')
  const seconds = format?.duration ?? video?.duration ?? audio?.duration ?? null
  const turned = video?.side_data_list?.some(({ rotation }) => Math.abs(rotation ?? 0) % 180 === 90) ?? false
  const { width = 0, height = 0 } = video ?? {}
  return {
    seconds: seconds !== null && Number.isFinite(seconds) && seconds >= 0 ? seconds : null,
    video:
      video === undefined
        ? null
        : { codec: video.codec_name, pixelFormat: video.pix_fmt, width: turned ? height : width, height: turned ? width : height },
    audio: audio === undefined ? null : { codec: audio.codec_name, channels: audio.channels },
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
