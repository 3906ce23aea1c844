/** Identifiers and secrets of our own. */
import { createHash, hash, randomBytes, timingSafeEqual } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
let lastTime = 0
let lastRandom = 0n

/** The smallest ULID of this millisecond: everything made before it sorts below. */
export const ulidFloor = (time: number): string => crockford(BigInt(time) << 80n)

/** ULID that always grows within this process: sorts by time, 26 characters. Serves as order and cursor of the event log. */
export const ulid = (now: number): string => {
  if (now > lastTime) {
    lastTime = now
    lastRandom = randomBytes(10).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) >> 1n
  } else {
    lastRandom += 1n
  }
  return crockford((BigInt(lastTime) << 80n) | lastRandom)
}

/** Ids from now on sort behind this one, which an earlier process made. */
export const continueUlids = (last: string): void => {
  const value = [...last].reduce((sum, digit) => (sum << 5n) | BigInt(alphabet.indexOf(digit)), 0n)
  const [time, random] = [Number(value >> 80n), value & ((1n << 80n) - 1n)]
  if (time > lastTime || (time === lastTime && random > lastRandom)) [lastTime, lastRandom] = [time, random]
}

const crockford = (number: bigint): string => {
  let value = number
  let text = ''
  for (let index = 0; index < 26; index++) {
    text = alphabet.charAt(Number(value & 31n)) + text
    value >>= 5n
  }
  return text
}

/** A token nobody can guess: 256 random bits after the prefix (`ryz_a_` accounts, `ryz_i_` instances). */
export const newToken = (prefix: 'ryz_a_' | 'ryz_i_'): string => prefix + randomBytes(32).toString('base64url')

/** What is stored in place of a token and looked up by. */
export const tokenHash = (token: string): string => hash('sha256', token)

/** Compares two secrets without telling by its time where they differ. */
export const sameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())

/** The same for two values of `tokenHash`. */
export const sameHash = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
