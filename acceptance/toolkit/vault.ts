/**
 * Reads what a gateway sealed, with the key it was given or made. Written from docs and format alone, not with the gateway's code: key id
 * (4 bytes), nonce (12), ciphertext, tag (16), AES-256-GCM. The tag is not checked; whoever only looks needs the key stream, not the proof.
 */
import { createDecipheriv, hkdfSync, scryptSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The plaintext, or null for bytes that none of the keys sealed. */
export type Unseal = (bytes: Uint8Array) => Buffer | null

/** `written`: ENCRYPTION_KEY in every form it had; the key file of the folder is looked for too. */
export const createUnseal = async (dataDir: string, written: readonly string[]): Promise<Unseal> => {
  const file = await readFile(join(dataDir, 'encryption.key'), 'utf8').catch(() => '')
  const keys = new Map([file, ...written].filter((text) => text.trim() !== '').map((text) => keyOf(masterOf(text.trim()))))
  return (bytes) => {
    const sealed = Buffer.from(bytes)
    const key = sealed.length < 32 ? undefined : keys.get(sealed.toString('hex', 0, 4))
    if (key === undefined) return null
    // GCM is counter mode; its first block of data is number two.
    const counter = Buffer.concat([sealed.subarray(4, 16), Buffer.from([0, 0, 0, 2])])
    const decipher = createDecipheriv('aes-256-ctr', key, counter)
    return Buffer.concat([decipher.update(sealed.subarray(16, -16)), decipher.final()])
  }
}

const masterOf = (text: string): Buffer => {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (/^[\w+/-]{43}=?$/.test(text)) return Buffer.from(text, 'base64')
  return scryptSync(text, 'ryzeapi vault passphrase', 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 })
}

const keyOf = (master: Buffer): [id: string, key: Buffer] => [
  Buffer.from(hkdfSync('sha256', master, '', 'ryzeapi vault key id', 4)).toString('hex'),
  Buffer.from(hkdfSync('sha256', master, '', 'ryzeapi vault seal', 32)),
]
