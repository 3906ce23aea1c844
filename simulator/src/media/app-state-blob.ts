/** App-state snapshots travel as an encrypted blob on the media host, named by an `ExternalBlobReference`. */
import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto'
import { proto } from 'baileys'

/** HKDF info of the kind `md-app-state`. */
const INFO = 'WhatsApp App State Keys'
const MAC_LENGTH = 10

/** AES-256-CBC ‖ the first 10 bytes of HMAC-SHA256 over iv ‖ ciphertext, keys expanded from `mediaKey` (32 bytes). */
export function sealBlob(plaintext: Uint8Array, mediaKey: Uint8Array): Buffer {
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), INFO, 112))
  const iv = keys.subarray(0, 16)
  const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), iv)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(iv).update(ciphertext).digest().subarray(0, MAC_LENGTH)
  return Buffer.concat([ciphertext, mac])
}

export function blobReference(input: { mediaKey: Uint8Array; sealed: Uint8Array; size: number; directPath: string }): Buffer {
  const fileEncSha256 = createHash('sha256').update(input.sealed).digest()
  return Buffer.from(
    proto.ExternalBlobReference.encode({
      mediaKey: input.mediaKey,
      directPath: input.directPath,
      handle: fileEncSha256.toString('base64url'),
      fileSizeBytes: input.size,
      fileEncSha256,
    }).finish(),
  )
}
