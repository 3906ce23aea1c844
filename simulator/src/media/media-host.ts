/** The HTTPS host media is uploaded to and downloaded from, and profile pictures: ciphertext in, the same ciphertext out. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { MediaTransfer } from '../ports.ts'
import type { Seed } from '../seed.ts'
import { blobReference, sealBlob } from './app-state-blob.ts'
import { parseRange } from './byte-range.ts'
import type { MediaStore } from './media-store.ts'
import type { TlsMaterial } from './tls-certificate.ts'

const MAX_UPLOAD = 256 * 1024 * 1024
const UPLOAD_PATH = /^\/(?:(?:mms|newsletter)\/([a-z-]+)|product\/image|pps\/biz-cover-photo)?\/?([A-Za-z0-9_-]{43})$/

export class MediaHost implements MediaTransfer {
  readonly caPem: string
  /** Uploads must show it (`media_conn`). */
  readonly auth: string
  readonly #store: MediaStore
  readonly #server: Server
  readonly #random: (length: number) => Buffer
  #port = 0

  constructor(input: { store: MediaStore; tls: TlsMaterial; seed: Seed }) {
    this.#store = input.store
    this.caPem = input.tls.caPem
    this.#random = input.seed.stream('media host')
    this.auth = this.#random(32).toString('base64url')
    this.#server = createServer({ cert: input.tls.certificatePem, key: input.tls.keyPem }, (request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, '127.0.0.1', resolve)
    })
    const { port: bound } = this.#server.address() as AddressInfo
    this.#port = bound
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  /** Host and port, as `media_conn` names it. */
  get hostname(): string {
    return `127.0.0.1:${this.#port}`
  }

  get url(): string {
    return `https://${this.hostname}`
  }

  async upload(input: { bytes: Uint8Array; fileEncSha256: Uint8Array; kind: string }): Promise<{ url: string; directPath: string }> {
    return this.#keep(Buffer.from(input.bytes), input.kind)
  }

  async download(location: { url?: string; directPath?: string }): Promise<Uint8Array> {
    const path = location.directPath ?? (location.url === undefined ? '' : new URL(location.url).pathname)
    const blob = this.#store.get(pathOnly(path))
    if (blob === undefined) throw new Error('no such media')
    return blob
  }

  /** Forgets what was uploaded for messages. */
  expire(): void {
    for (const path of this.#store.keys()) if (path.startsWith('/v/')) this.#store.delete(path)
  }

  /** Gives the picture's id. */
  storePicture(bytes: Buffer): string {
    const id = String(this.#random(6).readUIntBE(0, 6) + 1_000_000_000)
    this.#store.put(picturePath(id), bytes)
    return id
  }

  removePicture(id: string): void {
    this.#store.delete(picturePath(id))
  }

  pictureLocation(id: string): { url: string; directPath: string } {
    return { url: this.url + picturePath(id), directPath: picturePath(id) }
  }

  /** Stores a snapshot and gives the encoded reference to it. */
  storeAppStateBlob(plaintext: Buffer): Buffer {
    const mediaKey = this.#random(32)
    const sealed = sealBlob(plaintext, mediaKey)
    return blobReference({ mediaKey, sealed, size: plaintext.length, directPath: this.#keep(sealed, 'md-app-state').directPath })
  }

  #keep(bytes: Buffer, kind: string): { url: string; directPath: string } {
    const path = `/v/t62.${kind}/${createHash('sha256').update(bytes).digest('base64url')}.enc`
    this.#store.put(path, bytes)
    const directPath = `${path}?ccb=11-4&oh=${this.#random(12).toString('hex')}&oe=7FFFFFFF`
    return { url: `${this.url}${directPath}&mms3=true`, directPath }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    if (request.method === 'POST') await this.#upload(request, response, url)
    else if (request.method === 'GET' || request.method === 'HEAD') this.#download(request, response, url)
    else answer(response, 405, { error: 'method not allowed' })
  }

  async #upload(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [, kind = 'file', expected] = UPLOAD_PATH.exec(decodeURIComponent(url.pathname).replace(/=+$/, '')) ?? []
    if (expected === undefined) return refuse(request, response, 404, 'unknown path')
    if (url.searchParams.get('auth') !== this.auth) return refuse(request, response, 401, 'wrong auth')
    const chunks: Buffer[] = []
    let length = 0
    const hash = createHash('sha256')
    for await (const chunk of request) {
      const bytes = Buffer.from(chunk)
      length += bytes.length
      if (length > MAX_UPLOAD) return refuse(request, response, 413, 'too large')
      hash.update(bytes)
      chunks.push(bytes)
    }
    if (hash.digest('base64url') !== expected) return answer(response, 400, { error: 'hash mismatch' })
    const { url: mediaUrl, directPath } = this.#keep(Buffer.concat(chunks, length), kind)
    answer(response, 200, { url: mediaUrl, direct_path: directPath, handle: expected })
  }

  #download(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const blob = this.#store.get(decodeURIComponent(url.pathname))
    if (blob === undefined) {
      answer(response, 404, { error: 'not found' })
      return
    }
    const range = parseRange(request.headers.range, blob.length)
    response.setHeader('accept-ranges', 'bytes')
    response.setHeader('content-type', url.pathname.startsWith('/pp/') ? 'image/jpeg' : 'application/octet-stream')
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': `bytes */${blob.length}` }).end()
      return
    }
    if (range !== undefined) response.setHeader('content-range', `bytes ${range.first}-${range.last}/${blob.length}`)
    const body = range === undefined ? blob : blob.subarray(range.first, range.last + 1)
    response.writeHead(range === undefined ? 200 : 206, { 'content-length': body.length })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}

function picturePath(id: string): string {
  return `/pp/${id}.jpg`
}

function pathOnly(directPath: string): string {
  const query = directPath.indexOf('?')
  return query < 0 ? directPath : directPath.slice(0, query)
}

/** Answers without reading the rest of the upload. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number, error: string): void {
  response.once('finish', () => request.destroy())
  answer(response, status, { error })
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
