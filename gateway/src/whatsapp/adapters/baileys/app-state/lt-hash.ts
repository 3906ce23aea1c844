/**
 * WhatsApp's hash over a whole collection: the sum of what each value's MAC expands to, in 64 numbers of 16 bits. A value is added or taken
 * away without touching the others, and the order does not matter ("LtHash", as WhatsApp Web has it).
 */
import { hkdfSync } from 'node:crypto'

export const HASH_LENGTH = 128
const noBytes = new Uint8Array(0)

export const emptyHash = (): Uint8Array => new Uint8Array(HASH_LENGTH)

export const hashWith = (hash: Uint8Array, taken: readonly Uint8Array[], added: readonly Uint8Array[]): Uint8Array => {
  const sum = Uint8Array.from(hash)
  const numbers = new DataView(sum.buffer)
  const count = (valueMac: Uint8Array, sign: 1 | -1): void => {
    const expanded = new DataView(hkdfSync('sha256', valueMac, noBytes, 'WhatsApp Patch Integrity', HASH_LENGTH))
    for (let at = 0; at < HASH_LENGTH; at += 2) {
      numbers.setUint16(at, (numbers.getUint16(at, true) + sign * expanded.getUint16(at, true)) & 0xffff, true)
    }
  }
  for (const valueMac of taken) count(valueMac, -1)
  for (const valueMac of added) count(valueMac, 1)
  return sum
}
