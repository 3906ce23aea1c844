/**
 * How WhatsApp encrypts media: AES-256-CBC, then the first 10 bytes of HMAC-SHA256 over iv ‖ ciphertext, with keys that HKDF makes of a
 * random one per file (the whitepaper's "Transmitting Media"). Streams from file to file; small ones are done at once, in memory.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hash, hkdfSync, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EngineError } from '../../engine.ts'
import type { MediaKind } from '../../media.ts'

export interface MediaKeys {
  iv: Uint8Array
  cipherKey: Uint8Array
  macKey: Uint8Array
}

/** Stickers are pictures to WhatsApp. */
const info: Record<MediaKind | 'app-state' | 'history', string> = {
  image: 'WhatsApp Image Keys',
  sticker: 'WhatsApp Image Keys',
  video: 'WhatsApp Video Keys',
  audio: 'WhatsApp Audio Keys',
  document: 'WhatsApp Document Keys',
  'app-state': 'WhatsApp App State Keys',
  history: 'WhatsApp History Keys',
}

const MAC_LENGTH = 10
const noBytes: Uint8Array = new Uint8Array(0)

export const keysFor = (mediaKey: Uint8Array, kind: MediaKind | 'app-state' | 'history'): MediaKeys => {
  const expanded = new Uint8Array(hkdfSync('sha256', mediaKey, new Uint8Array(0), info[kind], 112))
  return { iv: expanded.subarray(0, 16), cipherKey: expanded.subarray(16, 48), macKey: expanded.subarray(48, 80) }
}

export interface EncryptedFile {
  mediaKey: Uint8Array
  fileSha256: Uint8Array
  fileEncSha256: Uint8Array
  fileLength: number
}

/** With a new key. `sealed`: what goes to WhatsApp. */
export const encryptBytes = (bytes: Uint8Array, kind: MediaKind): EncryptedFile & { sealed: Buffer } => {
  const mediaKey = randomBytes(32)
  const { iv, cipherKey, macKey } = keysFor(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const ciphertext = [cipher.update(bytes), cipher.final()]
  const mac = createHmac('sha256', macKey).update(iv)
  for (const part of ciphertext) mac.update(part)
  const sealed = Buffer.concat([...ciphertext, mac.digest().subarray(0, MAC_LENGTH)])
  return {
    mediaKey,
    fileSha256: hash('sha256', bytes, 'buffer'),
    fileEncSha256: hash('sha256', sealed, 'buffer'),
    fileLength: bytes.length,
    sealed,
  }
}

/** With a new key, into the file `to`, which must not exist yet. */
export const encryptFile = async (
  from: string,
  to: string,
  kind: MediaKind,
): Promise<EncryptedFile & { sealed: { path: string; size: number } }> => {
  const mediaKey = randomBytes(32)
  const { iv, cipherKey, macKey } = keysFor(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const mac = createHmac('sha256', macKey).update(iv)
  const plain = createHash('sha256')
  const sealed = createHash('sha256')
  let fileLength = 0
  let size = 0
  const encrypt = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      fileLength += chunk.length
      plain.update(chunk)
      const ciphertext = cipher.update(chunk)
      mac.update(ciphertext)
      sealed.update(ciphertext)
      size += ciphertext.length
      yield ciphertext
    }
    const last = cipher.final()
    const end = Buffer.concat([last, mac.update(last).digest().subarray(0, MAC_LENGTH)])
    sealed.update(end)
    size += end.length
    yield end
  }
  await pipeline(createReadStream(from), encrypt, createWriteStream(to, { flags: 'wx', mode: 0o600 }))
  return { mediaKey, fileSha256: plain.digest(), fileEncSha256: sealed.digest(), fileLength, sealed: { path: to, size } }
}

export const hashFile = async (path: string): Promise<{ fileSha256: Uint8Array; fileLength: number }> => {
  const plain = createHash('sha256')
  let fileLength = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    plain.update(chunk)
    fileLength += chunk.length
  }
  return { fileSha256: plain.digest(), fileLength }
}

export interface Expected {
  path: string
  /** Bytes of the plaintext. */
  maxBytes: number
  fileSha256: Uint8Array | null
  signal?: AbortSignal
}

/**
 * Gives the bytes of the plaintext. Throws {@link EngineError} `damaged` or `too-large`, and whatever reading and writing throws; what it
 * wrote until then is the caller's to remove.
 */
export const decryptFile = async (
  body: Readable,
  { iv, cipherKey, macKey }: MediaKeys,
  { fileEncSha256, ...expected }: Expected & { fileEncSha256: Uint8Array | null },
): Promise<number> => {
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  const mac = createHmac('sha256', macKey).update(iv)
  const sealed = createHash('sha256')
  const decrypt = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    // The last bytes are the MAC, and which ones are the last is only known at the end.
    let held = noBytes
    for await (const chunk of bytes) {
      sealed.update(chunk)
      // Copying every chunk only to join ten bytes to it would double the garbage.
      const [ahead, rest] = chunk.length < MAC_LENGTH ? [Buffer.concat([held, chunk]), noBytes] : [held, chunk]
      const passed = rest.length > 0 ? ahead.length : Math.max(0, ahead.length - MAC_LENGTH)
      const end = Math.max(0, rest.length - MAC_LENGTH)
      held = rest.length > 0 ? Buffer.from(rest.subarray(end)) : Buffer.from(ahead.subarray(passed))
      for (const ciphertext of [ahead.subarray(0, passed), rest.subarray(0, end)]) {
        mac.update(ciphertext)
        yield decipher.update(ciphertext)
      }
    }
    const isWhole = held.length === MAC_LENGTH && mac.digest().subarray(0, MAC_LENGTH).equals(held)
    if (!isWhole || !sameHash(fileEncSha256, sealed.digest())) throw damaged()
    try {
      yield decipher.final()
    } catch {
      throw damaged()
    }
  }
  return write(body, decrypt, expected)
}

export const writePlain = (body: Readable, expected: Expected): Promise<number> =>
  write(
    body,
    async function* (bytes) {
      yield* bytes
    },
    expected,
  )

const write = async (
  body: Readable,
  transform: (bytes: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array>,
  { path, maxBytes, fileSha256, signal }: Expected,
): Promise<number> => {
  const plain = createHash('sha256')
  let size = 0
  const check = async function* (bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      size += chunk.length
      if (size > maxBytes) throw new EngineError('too-large', `larger than ${maxBytes} bytes`)
      plain.update(chunk)
      yield chunk
    }
    if (!sameHash(fileSha256, plain.digest())) throw damaged()
  }
  await pipeline(body, transform, check, createWriteStream(path, { flags: 'wx', mode: 0o600 }), signal === undefined ? {} : { signal })
  return size
}

/** A file small enough to be held in memory, of at most `maxBytes` encrypted. Throws like {@link decryptFile}. */
export const decryptBytes = async (
  body: Readable,
  { iv, cipherKey, macKey }: MediaKeys,
  { maxBytes, fileEncSha256, fileSha256 }: { maxBytes: number; fileEncSha256: Uint8Array | null; fileSha256: Uint8Array | null },
): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > maxBytes) throw new EngineError('too-large', `larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  const file = Buffer.concat(chunks)
  const ciphertext = file.subarray(0, -MAC_LENGTH)
  const mac = createHmac('sha256', macKey).update(iv).update(ciphertext).digest().subarray(0, MAC_LENGTH)
  if (!mac.equals(file.subarray(-MAC_LENGTH)) || !sameHash(fileEncSha256, createHash('sha256').update(file).digest())) throw damaged()
  const plaintext = decryptAll(ciphertext, cipherKey, iv)
  if (!sameHash(fileSha256, createHash('sha256').update(plaintext).digest())) throw damaged()
  return plaintext
}

const decryptAll = (ciphertext: Uint8Array, key: Uint8Array, iv: Uint8Array): Buffer => {
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, iv)
    return Buffer.concat([decipher.update(ciphertext), decipher.final()])
  } catch {
    throw damaged()
  }
}

const sameHash = (expected: Uint8Array | null, found: Buffer): boolean => expected === null || found.equals(expected)

const damaged = (): EngineError => new EngineError('damaged', 'the content is not what the message says')
