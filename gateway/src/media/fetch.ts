/** Brings a caller's media into a file of ours, streaming all the way. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ApiError } from '../http/errors.ts'
import { SpooledFile } from '../http/spool.ts'
import { OutboundError } from '../outbound/errors.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { decodeBase64 } from './base64.ts'
import { detectMimeType } from './detect.ts'
import type { MediaSource } from './media.ts'
import { mediaErrors } from './media-errors.ts'
import type { MediaFile } from './media-file.ts'
import { cleanName, fileNameOf, LONGEST_HEADER, parseInline, parseSource } from './source.ts'
import { remove, type TemporaryFolder } from './temporary-folder.ts'

export type Fetch = (source: MediaSource, options?: { signal?: AbortSignal | undefined }) => Promise<MediaFile>

interface Collaborators {
  outbound: Pick<Outbound, 'download'>
  folder: TemporaryFolder
  /** Bytes. */
  limit: number
  timeoutMs: number
}

const REDIRECTS = 5

/** What is known of it before anybody looked at the content. */
interface Arrived {
  /** What the place it comes from says; the caller's own word comes first. */
  mimeType: string | null
  fileName: string | null
  /** All of it, where it came in a text that is held in memory anyway. */
  held?: Buffer
}

export const createFetch = ({ outbound, folder, limit, timeoutMs }: Collaborators): Fetch => {
  /** Counts what runs through. */
  const bounded = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let length = 0
    for await (const chunk of bytes) {
      length += chunk.length
      if (length > limit) throw mediaErrors.tooLarge(limit)
      yield chunk
    }
    if (length === 0) throw mediaErrors.unusable('the file is empty')
  }

  const write = (bytes: AsyncIterable<Uint8Array>, path: string, signal: AbortSignal | undefined): Promise<void> =>
    pipeline(bytes, bounded, createWriteStream(path, { flags: 'wx', mode: 0o600 }), signal === undefined ? {} : { signal })

  const download = async (url: string, path: string, signal: AbortSignal | undefined): Promise<Arrived> => {
    try {
      const answer = await outbound.download({
        url,
        headers: { accept: '*/*', 'user-agent': 'RyzeAPI-Media' },
        timeoutMs,
        maxBytes: limit,
        redirects: REDIRECTS,
        ...(signal === undefined ? {} : { signal }),
      })
      if (answer.status < 200 || answer.status > 299) {
        for await (const _ of answer.body) break
        throw mediaErrors.notDownloaded(`the server answered ${answer.status}`)
      }
      await write(answer.body, path, signal)
      const header = (name: string) => [answer.headers[name]].flat()[0]
      return { mimeType: header('content-type') ?? null, fileName: fileNameOf(url, header('content-disposition')) }
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error
      throw error.reason === 'too-large' ? mediaErrors.tooLarge(limit) : mediaErrors.notDownloaded(error.message)
    }
  }

  const inline = async (head: string, text: Readable, path: string, signal: AbortSignal | undefined): Promise<Arrived> => {
    const source = parseInline(head)
    if (source.kind !== 'base64') throw mediaErrors.unusable('not valid base64')
    await write(decodeBase64(text, source.payloadAt), path, signal)
    return { mimeType: source.mimeType, fileName: null }
  }

  /** Of a text that was short enough for the body of a request: a stream would cost more than the bytes. */
  const held = async (text: string, payloadAt: number, path: string, signal: AbortSignal | undefined): Promise<Buffer> => {
    const pieces: Uint8Array[] = []
    for await (const piece of bounded(decodeBase64(Readable.from([text]), payloadAt))) pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    signal?.throwIfAborted()
    await writeFile(path, bytes, { flag: 'wx', mode: 0o600 })
    return bytes
  }

  const fromSpool = async (file: SpooledFile, path: string, signal: AbortSignal | undefined): Promise<Arrived> => {
    if (file.encoding === 'bytes') {
      if (file.size > limit) throw mediaErrors.tooLarge(limit)
      if (file.size === 0) throw mediaErrors.unusable('the file is empty')
      await rename(file.path, path)
      return { mimeType: file.mimeType, fileName: file.fileName }
    }
    return inline(await firstCharacters(file.path), createReadStream(file.path), path, signal)
  }

  const bring = async (source: MediaSource, path: string, signal: AbortSignal | undefined): Promise<Arrived> => {
    const values = [source.url, source.base64].filter((value) => value instanceof SpooledFile || value?.trim())
    const [value] = values
    if (value === undefined || value === null || values.length > 1) throw mediaErrors.exactlyOne()
    if (value instanceof SpooledFile) return fromSpool(value, path, signal)
    const parsed = parseSource(value === source.url ? { url: value } : { base64: value })
    if (parsed.kind === 'url') return download(parsed.url, path, signal)
    if (parsed.kind === 'base64') {
      return { mimeType: parsed.mimeType, fileName: null, held: await held(parsed.text, parsed.payloadAt, path, signal) }
    }
    await write(Readable.from([Buffer.from(percentDecoded(parsed.text))]), path, signal)
    return { mimeType: parsed.mimeType, fileName: null }
  }

  return async (source, { signal } = {}) => {
    const path = folder.newPath()
    try {
      const arrived = await bring(source, path, signal)
      const fileName = cleanName(source.fileName) ?? cleanName(arrived.fileName)
      const hints = { caller: source.mimeType ?? null, origin: arrived.mimeType, fileName }
      const mimeType = await detectMimeType(path, hints, arrived.held)
      return await folder.file(path, { mimeType, fileName }, arrived.held?.length)
    } catch (error) {
      await remove(path)
      if (error instanceof ApiError || signal?.aborted) throw error
      throw mediaErrors.unusable('the file could not be stored')
    }
  }
}

const firstCharacters = async (path: string): Promise<string> => {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LONGEST_HEADER), 0, LONGEST_HEADER, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw mediaErrors.unusable('not a valid data URL')
  }
}
