/** Brings a caller's media into a file of ours, streaming all that did not come in memory. */
import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ApiError } from '../http/errors.ts'
import { LongValue } from '../http/long-value.ts'
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

  /** Of a text that is held in memory: a stream would cost more than the bytes. */
  const held = async (
    text: Iterable<string> | AsyncIterable<Uint8Array>,
    payloadAt: number,
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<Buffer> => {
    const pieces: Uint8Array[] = []
    for await (const piece of bounded(decodeBase64(text, payloadAt))) pieces.push(piece)
    const bytes = Buffer.concat(pieces)
    signal?.throwIfAborted()
    await writeFile(path, bytes, { flag: 'wx', mode: 0o600 })
    return bytes
  }

  const fromText = async (text: string, from: 'url' | 'base64', path: string, signal: AbortSignal | undefined): Promise<Arrived> => {
    const source = parseSource({ [from]: text })
    if (source.kind === 'url') return download(source.url, path, signal)
    const arrived = { mimeType: source.mimeType, fileName: null }
    if (source.kind === 'base64') return { ...arrived, held: await held([source.text], source.payloadAt, path, signal) }
    await write(Readable.from([Buffer.from(percentDecoded(source.text))]), path, signal)
    return arrived
  }

  const fromLongText = async (
    value: LongValue,
    from: 'url' | 'base64',
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<Arrived> => {
    const head = (await value.beginning(LONGEST_HEADER)).toString('latin1')
    const inline = parseInline(head)
    // What begins like neither is no base64, or one that was meant as something else.
    const text = inline.kind === 'base64' && /^(data:|[A-Za-z0-9+/_-]+$)/i.test(head) ? null : value.heldText()
    if (text !== null) return fromText(text, from, path, signal)
    if (inline.kind !== 'base64') throw mediaErrors.unusable('not valid base64')
    const arrived = { mimeType: inline.mimeType, fileName: null }
    if (value.isHeld) return { ...arrived, held: await held(value.read(), inline.payloadAt, path, signal) }
    await write(decodeBase64(value.read(), inline.payloadAt), path, signal)
    return arrived
  }

  const fromUpload = async (file: LongValue, path: string): Promise<Arrived> => {
    if (file.size > limit) throw mediaErrors.tooLarge(limit)
    if (file.size === 0) throw mediaErrors.unusable('the file is empty')
    await file.moveTo(path)
    return { mimeType: file.mimeType, fileName: file.fileName }
  }

  const bring = async ({ url, base64 }: MediaSource, path: string, signal: AbortSignal | undefined): Promise<Arrived> => {
    const given = [
      { value: url, from: 'url' },
      { value: base64, from: 'base64' },
    ] as const
    const [only, another] = given.filter(({ value }) => value instanceof LongValue || value?.trim())
    if (only === undefined || another !== undefined || !only.value) throw mediaErrors.exactlyOne()
    const { value, from } = only
    if (typeof value === 'string') return fromText(value, from, path, signal)
    return value.encoding === 'bytes' ? fromUpload(value, path) : fromLongText(value, from, path, signal)
  }

  return async (source, { signal } = {}) => {
    const path = folder.newPath()
    try {
      const arrived = await bring(source, path, signal)
      const fileName = cleanName(source.fileName) ?? cleanName(arrived.fileName)
      const hints = { caller: source.mimeType ?? null, origin: arrived.mimeType, fileName }
      const mimeType = await detectMimeType(path, hints, arrived.held)
      return await folder.file(path, { mimeType, fileName, ...(arrived.held === undefined ? {} : { held: arrived.held }) })
    } catch (error) {
      await remove(path)
      if (error instanceof ApiError || signal?.aborted) throw error
      throw mediaErrors.unusable('the file could not be stored')
    }
  }
}

const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw mediaErrors.unusable('not a valid data URL')
  }
}
