/** What converting gives: the file that is uploaded and what a message tells about it. */
import type { MediaFile } from '../media-file.ts'

export interface Converted {
  /** The file that came in, when nothing had to be done. */
  file: MediaFile
  /** As WhatsApp wants to hear it; may say more than the file's own. */
  mimeType: string
  width: number | null
  height: number | null
  /** Whole seconds. */
  seconds: number | null
  /** Small JPEG. */
  thumbnail: Uint8Array | null
  waveform: Uint8Array | null
  animated: boolean
  gif: boolean
}

export const asItIs = (file: MediaFile): Converted => ({
  file,
  mimeType: file.mimeType,
  width: null,
  height: null,
  seconds: null,
  thumbnail: null,
  waveform: null,
  animated: false,
  gif: false,
})

/** The type without parameters. */
export const bare = (mimeType: string): string => mimeType.replace(/;.*$/s, '').trim()
