/**
 * What stands in a parsed body for a value that is too long to be a string of it: a base64 of some hundred kilobytes, which as a string would have
 * the garbage collector go over the whole heap again and again, one of 100 MB, or an uploaded file. Only a field made with {@link longText}
 * takes it. It lives as long as its request.
 */
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { errors } from './errors.ts'

/** Short ones are held in memory, in the pieces they came in; the others lie on disk. */
type Content = { held: readonly Buffer[] } | { path: string; size: number }

interface About {
  /** `text`: the characters of a JSON string, UTF-8. `bytes`: an uploaded file as it was. */
  encoding: 'text' | 'bytes'
  /** As the upload says; null for texts. */
  mimeType: string | null
  fileName: string | null
}

export class LongValue {
  /** Bytes. */
  readonly size: number
  readonly encoding: About['encoding']
  readonly mimeType: string | null
  readonly fileName: string | null
  readonly #content: Content

  constructor(content: Content, { encoding, mimeType, fileName }: About) {
    this.size = 'held' in content ? content.held.reduce((size, piece) => size + piece.length, 0) : content.size
    this.encoding = encoding
    this.mimeType = mimeType
    this.fileName = fileName
    this.#content = content
  }

  /** In memory, all of it. */
  get isHeld(): boolean {
    return 'held' in this.#content
  }

  /** As the string it was in the JSON; null: it lies on disk. Throws 400 for what cannot stand in one. */
  heldText(): string | null {
    if (!('held' in this.#content)) return null
    const bytes = Buffer.concat(this.#content.held)
    const text = bytes.toString('utf8')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what JSON forbids
    if (!isUtf8(bytes) || /[\u0000-\u001f]/.test(text)) throw errors.malformedBody()
    return text
  }

  /** From the beginning, with each call. */
  async *read(): AsyncGenerator<Uint8Array> {
    if ('held' in this.#content) yield* this.#content.held
    else yield* createReadStream(this.#content.path) as AsyncIterable<Uint8Array>
  }

  async beginning(bytes: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    let length = 0
    for await (const piece of this.read()) {
      pieces.push(piece)
      length += piece.length
      if (length >= bytes) break
    }
    return Buffer.concat(pieces).subarray(0, bytes)
  }

  /** Makes it a file of this name, which must not exist; what lies on disk is moved there. */
  async moveTo(path: string): Promise<void> {
    if ('held' in this.#content) await writeFile(path, this.#content.held, { flag: 'wx', mode: 0o600 })
    else await rename(this.#content.path, path)
  }

  /** Calling it twice, or after the file was moved away, is fine. */
  async discard(): Promise<void> {
    if (!('held' in this.#content)) await rm(this.#content.path, { force: true })
  }
}

/** A field of a body that may be long or uploaded: for operations with `longValues`. */
export const longText = () => z.union([z.string(), z.instanceof(LongValue)]).meta({ type: 'string', anyOf: undefined })
