/** What is too large for a stanza lies on the media host, encrypted: snapshots, and the changes of large patches. */
import type { proto } from 'baileys'
import { EngineError } from '../../../engine.ts'
import { addressOf, fetchBody } from '../media.ts'
import { decryptBytes, keysFor } from '../media-cipher.ts'
import type { Routes } from '../proxy.ts'
import { Damaged } from './records.ts'

/** A hundred thousand settings are about 20 MB. */
const LARGEST = 64 * 1024 * 1024
const TIMEOUT_MS = 60_000

/** Throws {@link Damaged}, and {@link EngineError} when it cannot be had. */
export const downloadBlob = async (
  { mediaKey, directPath, fileSha256, fileEncSha256 }: proto.IExternalBlobReference,
  routes: Routes,
  mediaHost: string | null,
): Promise<Uint8Array> => {
  if (!mediaKey || !directPath) throw new Damaged('a blob has no place or no key')
  const body = await fetchBody(addressOf({ url: null, directPath }, mediaHost), routes, AbortSignal.timeout(TIMEOUT_MS))
  const hashes = { fileSha256: bytesOrNull(fileSha256), fileEncSha256: bytesOrNull(fileEncSha256) }
  try {
    return await decryptBytes(body, keysFor(mediaKey, 'app-state'), { maxBytes: LARGEST, ...hashes })
  } catch (error) {
    body.destroy()
    if (!(error instanceof EngineError)) throw new EngineError('timeout', 'the download broke off')
    throw error.code === 'damaged' ? new Damaged('a blob is not what it should be') : error
  }
}

/** Protobuf gives absent bytes as empty ones. */
const bytesOrNull = (bytes: Uint8Array | null | undefined): Uint8Array | null => (bytes && bytes.length > 0 ? bytes : null)
