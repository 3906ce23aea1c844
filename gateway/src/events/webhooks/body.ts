/** The body of a delivery: a text, or, where it carries media, a stream that never holds more than a piece of it. */
import { Readable } from 'node:stream'
import type { Blob, OpenBlob } from '../blobs.ts'
import { envelope, type InstanceData, mediaEnvelope, type StoredEvent } from '../envelope.ts'

export type Body = string | StreamedBody

export interface StreamedBody {
  /** Bytes. */
  size: number
  /** From the beginning, with each call. */
  stream(): Readable
}

/** The bytes of the event's media could not be read, or are gone when `mediaBase64` is off: the event goes without them. */
export const plainBody = (event: Pick<StoredEvent, 'id' | 'name' | 'data' | 'createdAt'>, instanceData: InstanceData): Body =>
  envelope(event, instanceData)

/** With `media.base64`, where there is media and its bytes are still here. Throws when the blob store fails. */
export const bodyWithMedia = async (
  event: Pick<StoredEvent, 'id' | 'name' | 'data' | 'createdAt' | 'instanceId'>,
  instanceData: InstanceData,
  openBlob: OpenBlob,
): Promise<Body> => {
  const parts = mediaEnvelope(event, instanceData)
  const blob = parts === null ? null : await openBlob(event.instanceId, parts.blob)
  if (parts === null || blob === null) return plainBody(event, instanceData)
  const before = Buffer.from(parts.before)
  const after = Buffer.from(parts.after)
  return {
    size: before.length + base64Length(blob.size) + after.length,
    stream: () => Readable.from(pieces(before, blob, after), { objectMode: false, highWaterMark: PIECE }),
  }
}

const PIECE = 64 * 1024

async function* pieces(before: Buffer, blob: Blob, after: Buffer): AsyncGenerator<Buffer> {
  yield before
  const bytes = blob.stream()
  let rest = Buffer.alloc(0)
  try {
    for await (const chunk of bytes as AsyncIterable<Uint8Array>) {
      const here = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([rest, chunk])
      // Three bytes become four characters; what does not fill a group waits for the next piece.
      const whole = here.length - (here.length % 3)
      if (whole > 0) yield Buffer.from(here.toString('base64', 0, whole), 'latin1')
      rest = Buffer.from(here.subarray(whole))
    }
  } finally {
    bytes.destroy()
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
  yield after
}

const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4
