/** The symmetric half of the Signal protocol, for Baileys' stock sender-key classes. */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'

/** AES-256-CBC with PKCS#7 padding. */
export function encrypt(key, data, iv) {
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  return Buffer.concat([cipher.update(data), cipher.final()])
}

export function decrypt(key, data, iv) {
  const decipher = createDecipheriv('aes-256-cbc', key, iv)
  return Buffer.concat([decipher.update(data), decipher.final()])
}

/** HMAC-SHA256. */
export const calculateMAC = (key, data) => createHmac('sha256', key).update(data).digest()

/** HKDF-SHA256 (RFC 5869) cut into `chunks` (1 to 3) keys of 32 bytes. */
export function deriveSecrets(input, salt, info, chunks = 3) {
  const bytes = Buffer.from(hkdfSync('sha256', input, salt, info, chunks * 32))
  return Array.from({ length: chunks }, (_, i) => bytes.subarray(i * 32, (i + 1) * 32))
}
