/** Media as WhatsApp carries it: AES-256-CBC and a truncated HMAC under keys expanded from a media key, kept on a host of its own. */
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { normalizeMessageContent, type proto } from 'baileys'
import { hkdf } from 'whatsapp-rust-bridge'

/** The fields all media messages share. */
interface MediaPart {
  url?: string | null
  directPath?: string | null
  mediaKey?: Uint8Array | null
  fileSha256?: Uint8Array | null
  fileEncSha256?: Uint8Array | null
  mimetype?: string | null
}

export type MediaKind = 'image' | 'video' | 'audio' | 'document'

export interface EncryptedMedia {
  ciphertext: Uint8Array
  mediaKey: Uint8Array
  fileSha256: Uint8Array
  fileEncSha256: Uint8Array
  /** Bytes of the plaintext. */
  fileLength: number
}

const INFO: Record<MediaKind | 'history', string> = {
  image: 'WhatsApp Image Keys',
  video: 'WhatsApp Video Keys',
  audio: 'WhatsApp Audio Keys',
  document: 'WhatsApp Document Keys',
  history: 'WhatsApp History Keys',
}

const MAC_LENGTH = 10

export function encryptMedia(plaintext: Uint8Array, kind: MediaKind | 'history', mediaKey: Uint8Array = randomBytes(32)): EncryptedMedia {
  const { iv, cipherKey, macKey } = expand(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const encrypted = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const ciphertext = Buffer.concat([encrypted, mac(macKey, iv, encrypted)])
  return { ciphertext, mediaKey, fileSha256: sha256(plaintext), fileEncSha256: sha256(ciphertext), fileLength: plaintext.length }
}

/** As newsletters carry it: for everybody to read. */
export function openMedia(plaintext: Uint8Array): Omit<EncryptedMedia, 'mediaKey' | 'fileEncSha256'> & { fileEncSha256?: Uint8Array } {
  return { ciphertext: plaintext, fileSha256: sha256(plaintext), fileLength: plaintext.length }
}

function openedMedia(bytes: Uint8Array, { fileSha256 }: MediaPart): Uint8Array {
  if (!fileSha256?.length) throw new Error('the message carries neither a media key nor a hash')
  if (!sha256(bytes).equals(fileSha256)) throw new Error('media is damaged')
  return bytes
}

/** Without a media key the bytes are not encrypted. Throws when they are not what the message promised. */
export function decryptMedia(ciphertext: Uint8Array, kind: MediaKind, part: MediaPart): Uint8Array {
  if (!part.mediaKey?.length) return openedMedia(ciphertext, part)
  if (part.fileEncSha256?.length && !sha256(ciphertext).equals(part.fileEncSha256)) throw new Error('media is damaged')
  const { iv, cipherKey, macKey } = expand(part.mediaKey, kind)
  const encrypted = ciphertext.subarray(0, -MAC_LENGTH)
  if (!timingSafeEqual(mac(macKey, iv, encrypted), ciphertext.subarray(-MAC_LENGTH))) throw new Error('media does not authenticate')
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  const plaintext = Buffer.concat([decipher.update(encrypted), decipher.final()])
  if (part.fileSha256?.length && !sha256(plaintext).equals(part.fileSha256)) throw new Error('media is another file')
  return plaintext
}

/** The media field of a message, wrappers taken off; undefined when it has none. */
export function mediaPart(message: proto.IMessage): { kind: MediaKind; part: MediaPart } | undefined {
  const normal = normalizeMessageContent(message)
  // The library does not know this envelope.
  const content = normal?.lottieStickerMessage?.message ?? normal
  // Above buttons there may be a picture.
  const holder: Pick<proto.IMessage, (typeof FIELDS)[number][0]> | null | undefined = content?.interactiveMessage?.header ?? content
  if (!holder) return undefined
  for (const [field, kind] of FIELDS) {
    const part = holder[field]
    if (part) return { kind, part }
  }
  return undefined
}

const FIELDS = [
  ['imageMessage', 'image'],
  ['stickerMessage', 'image'],
  ['videoMessage', 'video'],
  ['ptvMessage', 'video'],
  ['audioMessage', 'audio'],
  ['documentMessage', 'document'],
] as const satisfies readonly (readonly [keyof proto.IMessage, MediaKind])[]

function expand(mediaKey: Uint8Array, kind: MediaKind | 'history'): { iv: Uint8Array; cipherKey: Uint8Array; macKey: Uint8Array } {
  const keys = hkdf(mediaKey, 112, { info: INFO[kind] })
  return { iv: keys.subarray(0, 16), cipherKey: keys.subarray(16, 48), macKey: keys.subarray(48, 80) }
}

const mac = (key: Uint8Array, iv: Uint8Array, encrypted: Uint8Array): Buffer =>
  createHmac('sha256', key).update(iv).update(encrypted).digest().subarray(0, MAC_LENGTH)

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
