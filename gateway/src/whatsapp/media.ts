/** The media part of the engine port: files go up encrypted and come down decrypted and checked, streaming from and to disk. */
import type { MessageKey } from './address.ts'

/** Decides how the key is expanded and which path of the media host is used. */
export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker'

/** Where a message says its media is. Without `mediaKey` it is not encrypted (newsletters). */
export interface MediaReference {
  kind: MediaKind
  url: string | null
  directPath: string | null
  mediaKey: Uint8Array | null
  /** Of the plaintext. */
  fileSha256: Uint8Array | null
  /** Of the ciphertext with its MAC. */
  fileEncSha256: Uint8Array | null
  /** Bytes of the plaintext. */
  fileLength: number | null
}

/** Fields of the protobuf, named as there. Unencrypted uploads have no key and no `fileEncSha256`. */
export interface UploadedMedia {
  url: string
  directPath: string
  mediaKey?: Uint8Array
  /** Seconds since 1970. */
  mediaKeyTimestamp?: number
  fileSha256: Uint8Array
  fileEncSha256?: Uint8Array
  /** Bytes of the plaintext. */
  fileLength: number
}

export interface FileToUpload {
  path: string
  kind: MediaKind
  held?: Uint8Array
  encrypted?: boolean
  signal?: AbortSignal
}

export interface MediaSession {
  /**
   * Encrypts the file (unless `encrypted: false`) and uploads it through the instance's proxy. Memory stays the same for any size.
   * `held`: its content, where somebody has it in memory anyway. Throws {@link EngineError}.
   */
  uploadMedia(file: FileToUpload): Promise<UploadedMedia>
  /**
   * Downloads through the instance's proxy into `path`, which must not exist yet, decrypts, and checks MAC and hashes; when it throws,
   * nothing is left there. Throws {@link EngineError}: `gone` when WhatsApp has it no more (403, 404, 410), `damaged` when the content
   * is not what the message says, `too-large` over `maxBytes`.
   */
  downloadMedia(media: MediaReference, to: { path: string; maxBytes: number; signal?: AbortSignal }): Promise<{ size: number }>
  /**
   * Asks the phone to upload a message's media again and waits for its answer. Throws {@link EngineError}: `gone` when the phone does not
   * have it either, `timeout` when it does not answer, e.g. because it is off.
   */
  requestMediaAgain(message: MessageKey, media: MediaReference): Promise<MediaReference>
}
