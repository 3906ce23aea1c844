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

/**
 * Resolves when the bytes are where the event's `s3Url` says, or it is clear that they will not be soon: a receiver should find them there.
 * Never waits longer than some seconds.
 */
export type BlobInBucket = (instanceId: string, blob: string) => Promise<void>

export const noBlobs: OpenBlob = async () => null
