/** A media host in memory. Nothing is encrypted; a key only marks that it would be. */
import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { EngineError } from '../../engine.ts'
import type { MediaReference, MediaSession, UploadedMedia } from '../../media.ts'

export class MemoryMediaHost {
  readonly #files = new Map<string, Uint8Array>()
  /** What phones still have, by the hash of the content. */
  readonly #onPhones = new Map<string, Uint8Array>()
  /** Messages a phone was asked to upload again. */
  readonly askedAgain: string[] = []
  /** While set, every transfer fails with it. */
  failure: EngineError | null = null
  #next = 1

  /** Puts a file there, as a phone would. */
  put(bytes: Uint8Array): UploadedMedia {
    const directPath = `/memory/${this.#next++}`
    const hash = createHash('sha256').update(bytes).digest()
    this.#files.set(directPath, bytes)
    this.#onPhones.set(hash.toString('hex'), bytes)
    return {
      url: `https://mmg.whatsapp.net${directPath}`,
      directPath,
      mediaKey: randomBytes(32),
      mediaKeyTimestamp: 1_700_000_000,
      fileSha256: hash,
      fileEncSha256: hash,
      fileLength: bytes.length,
    }
  }

  /** What is there; null after it expired. */
  get(directPath: string): Uint8Array | null {
    return this.#files.get(directPath) ?? null
  }

  /** The host has thrown it away; phones may still have it. */
  expire(directPath: string, { onPhones = true } = {}): void {
    const bytes = this.#files.get(directPath)
    this.#files.delete(directPath)
    if (bytes !== undefined && !onPhones) this.#onPhones.delete(createHash('sha256').update(bytes).digest('hex'))
  }

  async upload({ path, encrypted = true }: Parameters<MediaSession['uploadMedia']>[0]): Promise<UploadedMedia> {
    if (this.failure !== null) throw this.failure
    const uploaded = this.put(await readFile(path))
    if (encrypted) return uploaded
    const { url, directPath, fileSha256, fileLength } = uploaded
    return { url, directPath, fileSha256, fileLength }
  }

  async download(
    { directPath, fileSha256 }: MediaReference,
    { path, maxBytes }: { path: string; maxBytes: number },
  ): Promise<{ size: number }> {
    if (this.failure !== null) throw this.failure
    const bytes = this.#files.get(directPath ?? '')
    if (bytes === undefined) throw new EngineError('gone', 'the media host answered 404', 404)
    if (bytes.length > maxBytes) throw new EngineError('too-large', `larger than ${maxBytes} bytes`)
    const hash = createHash('sha256').update(bytes).digest()
    if (fileSha256 !== null && !hash.equals(fileSha256)) throw new EngineError('damaged', 'the content is not what the message says')
    await writeFile(path, bytes, { flag: 'wx' })
    return { size: bytes.length }
  }

  uploadAgain(messageId: string, media: MediaReference): MediaReference {
    this.askedAgain.push(messageId)
    const bytes = this.#onPhones.get(Buffer.from(media.fileSha256 ?? []).toString('hex'))
    if (bytes === undefined) throw new EngineError('gone', 'the phone does not have it any more')
    return { ...media, directPath: this.put(bytes).directPath, url: null }
  }
}
