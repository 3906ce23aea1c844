/** Voice notes and music. */
import { mediaErrors } from '../media-errors.ts'
import type { MediaFile } from '../media-file.ts'
import type { TemporaryFolder } from '../temporary-folder.ts'
import type { Wanted } from '../wanted.ts'
import { asItIs, bare, type Converted } from './converted.ts'
import { demuxerOf, type Ffmpeg } from './ffmpeg.ts'
import { readOggOpus } from './ogg.ts'
import { BARS, measureLoudness } from './waveform.ts'

type WantedSound = Extract<Wanted, { as: 'audio' }>

interface Tools {
  ffmpeg: Ffmpeg
  folder: TemporaryFolder
  signal: AbortSignal | undefined
}

export const VOICE_TYPE = 'audio/ogg; codecs=opus'
/** Enough for loudness and length. */
const LISTENING_RATE = 8_000

/** What plays everywhere as it is, under the name WhatsApp knows it by. */
const played: Readonly<Record<string, string>> = {
  'audio/mpeg': 'audio/mpeg',
  'audio/mp4': 'audio/mp4',
  'audio/x-m4a': 'audio/mp4',
  'audio/m4a': 'audio/mp4',
  'video/mp4': 'audio/mp4',
  'audio/aac': 'audio/aac',
}

export const toSound = async (file: MediaFile, wanted: WantedSound, tools: Tools): Promise<Converted> => {
  const opus = await readOggOpus(file.path)
  const available = await tools.ffmpeg.available()
  const made = wanted.voice
    ? await toVoice(file, opus?.channels === 1, available, tools)
    : await toMusic(file, opus !== null, available, tools)
  try {
    const heard = available ? await listen(made, wanted.voice, tools) : null
    const seconds = wanted.seconds ?? heard?.seconds ?? opus?.seconds ?? null
    const waveform = wanted.waveform?.length ? scaled(wanted.waveform) : (heard?.waveform ?? null)
    return {
      ...asItIs(made),
      mimeType: made.mimeType,
      seconds: seconds === null ? null : Math.max(1, Math.round(seconds)),
      waveform: wanted.voice ? waveform : null,
    }
  } catch (error) {
    if (made !== file) await made.discard()
    throw error
  }
}

const toVoice = async (file: MediaFile, isVoice: boolean, available: boolean, tools: Tools): Promise<MediaFile> => {
  if (isVoice) return { ...file, mimeType: VOICE_TYPE }
  if (available) {
    refuseUnreadable(file)
    return encode(
      file,
      VOICE_TYPE,
      ['-ac', '1', '-ar', '48000', '-c:a', 'libopus', '-b:a', '32k', '-application', 'voip', '-f', 'ogg'],
      tools,
    )
  }
  // Two channels are still a voice note, and phones play MP3 too.
  if ((await readOggOpus(file.path)) !== null) return { ...file, mimeType: VOICE_TYPE }
  const type = played[bare(file.mimeType)]
  if (type === 'audio/mpeg') return { ...file, mimeType: type }
  throw mediaErrors.needsFfmpeg(`making a voice note of ${file.mimeType}`)
}

const toMusic = async (file: MediaFile, isOpus: boolean, available: boolean, tools: Tools): Promise<MediaFile> => {
  if (isOpus) return { ...file, mimeType: VOICE_TYPE }
  const type = played[bare(file.mimeType)]
  // A film is not a song: only its sound is sent.
  const film = bare(file.mimeType) === 'video/mp4'
  if (type !== undefined && !(film && available)) return { ...file, mimeType: type }
  if (!available) throw mediaErrors.needsFfmpeg(`converting ${file.mimeType}`)
  refuseUnreadable(file)
  return encode(file, 'audio/mp4', ['-c:a', 'aac', '-b:a', '128k', '-movflags', '+faststart', '-f', 'ipod'], tools)
}

const refuseUnreadable = (file: MediaFile): void => {
  if (demuxerOf(file.mimeType) === null || file.mimeType === 'image/gif') throw mediaErrors.unusable(`${file.mimeType} is not a sound`)
}

const encode = async (
  file: MediaFile,
  mimeType: string,
  args: readonly string[],
  { ffmpeg, folder, signal }: Tools,
): Promise<MediaFile> => {
  const path = folder.newPath()
  try {
    await ffmpeg.run(file, ['-vn', '-map', '0:a:0', '-map_metadata', '-1', ...args, path], { signal })
    return await folder.file(path, { mimeType, fileName: file.fileName })
  } catch (error) {
    await removeAt(path, folder)
    throw error
  }
}

const removeAt = async (path: string, folder: TemporaryFolder): Promise<void> => {
  const file = await folder.file(path, { mimeType: '', fileName: null }).catch(() => null)
  await file?.discard()
}

/** A music file is only asked how long it is; null when that cannot be known. */
const listen = async (
  file: MediaFile,
  voice: boolean,
  { ffmpeg, signal }: Tools,
): Promise<{ seconds: number | null; waveform: Uint8Array | null }> => {
  if (!voice) return { seconds: (await ffmpeg.probe(file, signal)).seconds, waveform: null }
  const loudness = measureLoudness()
  await ffmpeg.run(file, ['-vn', '-map', '0:a:0', '-ac', '1', '-ar', String(LISTENING_RATE), '-f', 's16le', 'pipe:1'], {
    signal,
    onOutput: loudness.add,
  })
  return { seconds: loudness.count / LISTENING_RATE, waveform: loudness.waveform() }
}

/** A caller's own values, 0–255 or 0–100, any number of them: brought to 64 from 0 to 100. */
export const scaled = (values: readonly number[]): Uint8Array => {
  const most = Math.max(...values)
  const factor = most > 100 ? 100 / 255 : 1
  return Uint8Array.from({ length: BARS }, (_, bar) => {
    const value = values[Math.floor((bar * values.length) / BARS)] ?? 0
    return Math.round(Math.min(100, Math.max(0, value * factor)))
  })
}
