/** From any file to one that WhatsApp shows. */
import type { Logger } from '../../runtime/logging.ts'
import type { MediaFile } from '../media-file.ts'
import type { TemporaryFolder } from '../temporary-folder.ts'
import type { Wanted } from '../wanted.ts'
import { asItIs, type Converted } from './converted.ts'
import { createFfmpeg, type Ffmpeg } from './ffmpeg.ts'
import { toFilm } from './film.ts'
import { thumbnailOrNone, toImage, toProfilePicture, toSticker } from './pictures.ts'
import { createSlots } from './slots.ts'
import { toSound } from './sound.ts'

export interface Converter {
  /** Throws the 400s about files, and 429 when too much waits. The file that came in is removed unless it is the result. */
  convert(file: MediaFile, wanted: Wanted, signal?: AbortSignal): Promise<Converted>
  profilePicture(file: MediaFile): Promise<{ full: Uint8Array; preview: Uint8Array }>
  available(): Promise<boolean>
}

interface Collaborators {
  folder: TemporaryFolder
  logger: Logger
  ffmpegPath: string
  programFolders: readonly string[]
  timeoutMs: number
  /** Conversions at once. */
  concurrency: number
  /** Bytes of a result. */
  limit: number
}

/** Callers wait for their conversion; more of them than this are told to come back. */
const LONGEST_LINE = 200

export const createConverter = ({
  folder,
  logger,
  ffmpegPath,
  programFolders,
  timeoutMs,
  concurrency,
  limit,
}: Collaborators): Converter => {
  const ffmpeg: Ffmpeg = createFfmpeg({ path: ffmpegPath, programFolders, timeoutMs, logger })
  const slots = createSlots(concurrency, LONGEST_LINE)

  const convert = async (file: MediaFile, wanted: Wanted, signal: AbortSignal | undefined): Promise<Converted> => {
    switch (wanted.as) {
      case 'image':
        return toImage(file, folder)
      case 'video':
        return toFilm(file, { ffmpeg, folder, signal, limit })
      case 'audio':
        return toSound(file, wanted, { ffmpeg, folder, signal })
      case 'sticker':
        return toSticker(file, folder)
      case 'document':
        return { ...asItIs(file), thumbnail: await thumbnailOrNone(file) }
    }
  }

  return {
    async convert(file, wanted, signal) {
      const done = await slots.run(() => convert(file, wanted, signal), signal)
      if (done.file.path !== file.path) await file.discard()
      return done
    },
    profilePicture: (file) => slots.run(() => toProfilePicture(file)),
    available: () => ffmpeg.available(),
  }
}
