/** What events need of the blob store: the bytes of a media file, read as a stream and more than once. */
import type { Readable } from 'node:stream'

export interface Blob {
  /** Bytes. */
  size: number
  /** From the beginning, with each call. Fails when the bytes cannot be read. */
  stream(): Readable
}

/** `blob` as an event's data names it (`message.media.blob`). Null: there is no such blob, or no longer. */
export type OpenBlob = (instanceId: string, blob: string) => Promise<Blob | null>

export const noBlobs: OpenBlob = async () => null
