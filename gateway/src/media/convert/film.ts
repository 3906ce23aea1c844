/** Videos: MP4 with H.264 and AAC, which every phone plays. */
import { mediaErrors } from '../media-errors.ts'
import type { MediaFile } from '../media-file.ts'
import { remove, type TemporaryFolder } from '../temporary-folder.ts'
import { asItIs, bare, type Converted } from './converted.ts'
import { demuxerOf, type Ffmpeg, type Probe } from './ffmpeg.ts'

interface Tools {
  ffmpeg: Ffmpeg
  folder: TemporaryFolder
  signal: AbortSignal | undefined
  /** Bytes of the result. */
  limit: number
}

const VIDEO_TYPE = 'video/mp4'
/** Longer side. WhatsApp's own clients send no more. */
const LONGEST_SIDE = 1280
const THUMBNAIL = 100
const THUMBNAIL_BYTES = 64 * 1024

export const toFilm = async (file: MediaFile, tools: Tools): Promise<Converted> => {
  const { ffmpeg, signal } = tools
  const gif = bare(file.mimeType) === 'image/gif'
  if (!(await ffmpeg.available())) {
    if (bare(file.mimeType) === VIDEO_TYPE) return asItIs(file)
    throw mediaErrors.needsFfmpeg(`converting ${file.mimeType}`)
  }
  if (demuxerOf(file.mimeType) === null) throw mediaErrors.unusable(`${file.mimeType} is not a video`)
  const found = await ffmpeg.probe(file, signal)
  if (found.video === null) throw mediaErrors.unusable('there is no picture in the video')
  const film = isPlayed(file, found) ? file : await encode(file, found, tools)
  try {
    const shown = film === file ? found : await ffmpeg.probe(film, signal)
    return {
      ...asItIs(film),
      mimeType: VIDEO_TYPE,
      width: shown.video?.width ?? null,
      height: shown.video?.height ?? null,
      seconds: shown.seconds === null ? null : Math.max(1, Math.round(shown.seconds)),
      thumbnail: await thumbnailOf(film, shown, tools),
      gif,
    }
  } catch (error) {
    if (film !== file) await film.discard()
    throw error
  }
}

const isPlayed = (file: MediaFile, { video, audio }: Probe): boolean =>
  bare(file.mimeType) === VIDEO_TYPE && copied(video) && (audio === null || audio.codec === 'aac')

const copied = (video: Probe['video']): boolean => video?.codec === 'h264' && ['yuv420p', 'yuvj420p'].includes(video.pixelFormat)

const encode = async (file: MediaFile, { video, audio }: Probe, { ffmpeg, folder, signal, limit }: Tools): Promise<MediaFile> => {
  const path = folder.newPath()
  const picture = copied(video)
    ? ['-c:v', 'copy']
    : ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26', '-pix_fmt', 'yuv420p', '-vf', SCALE, '-threads', '1']
  const sound =
    audio === null ? ['-an'] : ['-map', '0:a:0', '-c:a', ...(audio.codec === 'aac' ? ['copy'] : ['aac', '-b:a', '96k', '-ac', '2'])]
  try {
    await ffmpeg.run(
      file,
      // One byte over the limit is enough to see that it was exceeded.
      [
        '-map',
        '0:v:0',
        ...picture,
        ...sound,
        '-map_metadata',
        '-1',
        '-movflags',
        '+faststart',
        '-fs',
        String(limit + 1),
        '-f',
        'mp4',
        path,
      ],
      { signal },
    )
    const made = await folder.file(path, { mimeType: VIDEO_TYPE, fileName: file.fileName?.replace(/\.\w+$/, '.mp4') ?? null })
    if (made.size > limit) throw mediaErrors.tooLarge(limit)
    return made
  } catch (error) {
    await remove(path)
    throw error
  }
}

/** H.264 wants even sides; nothing is made larger, but for a side of one pixel. */
const evenSide = (side: 'iw' | 'ih') => `'max(2,trunc(min(1,${LONGEST_SIDE}/max(iw,ih))*${side}/2)*2)'`
const SCALE = `scale=${evenSide('iw')}:${evenSide('ih')},setsar=1`

/** Null when the film has no picture that can be shown: it is sent all the same. */
const thumbnailOf = async (film: MediaFile, { seconds }: Probe, { ffmpeg, signal }: Tools): Promise<Uint8Array | null> => {
  const chunks: Buffer[] = []
  let length = 0
  try {
    await ffmpeg.run(
      film,
      [
        '-an',
        '-frames:v',
        '1',
        '-vf',
        `scale=${THUMBNAIL}:${THUMBNAIL}:force_original_aspect_ratio=decrease`,
        '-c:v',
        'mjpeg',
        '-f',
        'mjpeg',
        'pipe:1',
      ],
      {
        // The first picture is often black.
        before: ['-ss', String(Math.min(1, (seconds ?? 0) / 2))],
        signal,
        onOutput(chunk) {
          length += chunk.length
          if (length <= THUMBNAIL_BYTES) chunks.push(chunk)
        },
      },
    )
  } catch (error) {
    if (signal?.aborted) throw error
    return null
  }
  return length === 0 || length > THUMBNAIL_BYTES ? null : Buffer.concat(chunks)
}
