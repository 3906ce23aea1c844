/** The bytes of one chunk of history, to be read as often as needed: they come with the notification, or lie on the media host. */
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { createInflate } from 'node:zlib'
import { EngineError } from '../../../engine.ts'
import { addressOf, fetchBody } from '../media.ts'
import { decryptFile, keysFor } from '../media-cipher.ts'
import type { Routes } from '../proxy.ts'
import { damaged } from './fields.ts'
import type { Notification } from './notification.ts'

export interface Chunk {
  /** From the beginning, inflated, a piece at a time. Throws EngineError `damaged`. */
  read(): AsyncIterable<Uint8Array>
  discard(): Promise<void>
}

export interface ChunkSource {
  routes: Routes
  mediaHost: string | null
  /** Where chunks lie while they are read. */
  folder: string
  signal: AbortSignal
}

/** Phones cut what they have into pieces of a few MB. */
const LARGEST_COMPRESSED = 256 * 1024 * 1024
const LARGEST_INFLATED = 4 * 1024 * 1024 * 1024
const PIECE = 64 * 1024

/**
 * Loads it into a file, and nobody reads of it before its hashes are right: half of a chunk could not be taken back. Throws EngineError
 * `gone`, `damaged`, `too-large`, `rejected`, `timeout`.
 */
export const openChunk = async (notification: Notification, { routes, mediaHost, folder, signal }: ChunkSource): Promise<Chunk> => {
  const { initialHistBootstrapInlinePayload: inline, mediaKey, directPath, fileSha256, fileEncSha256 } = notification
  if (inline?.length) return { read: () => inflated(Readable.from([inline])), discard: async () => {} }
  if (!mediaKey?.length || !directPath) throw new EngineError('gone', 'the notification names no history')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, randomUUID())
  const discard = (): Promise<void> => rm(path, { force: true })
  try {
    const body = await fetchBody(addressOf({ url: null, directPath }, mediaHost), routes, signal)
    await decryptFile(body, keysFor(mediaKey, 'history'), {
      path,
      maxBytes: LARGEST_COMPRESSED,
      fileSha256: fileSha256?.length ? fileSha256 : null,
      fileEncSha256: fileEncSha256?.length ? fileEncSha256 : null,
      signal,
    })
    return { read: () => inflated(createReadStream(path, { highWaterMark: PIECE })), discard }
  } catch (error) {
    await discard()
    if (error instanceof EngineError || signal.aborted) throw error
    throw new EngineError('timeout', 'the download broke off')
  }
}

async function* inflated(compressed: Readable): AsyncGenerator<Uint8Array> {
  const inflate = createInflate({ chunkSize: PIECE })
  compressed.on('error', (error) => inflate.destroy(error))
  let size = 0
  try {
    for await (const piece of compressed.pipe(inflate)) {
      size += piece.length
      if (size > LARGEST_INFLATED) throw damaged('it is too large')
      yield piece
    }
  } catch (error) {
    throw error instanceof EngineError ? error : damaged('it cannot be inflated')
  } finally {
    compressed.destroy()
    inflate.destroy()
  }
}
