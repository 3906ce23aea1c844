/** Identifiers and secrets of our own. */
import { createHash, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { randomness } from './randomness.ts'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A ULID's 80 random bits in two halves, which a number holds exactly. */
interface Tail {
  high: number
  low: number
}

const HALF = 2 ** 40
const TIME_DIGITS = 10
const HALF_DIGITS = 8

let lastTime = 0
let tail: Tail = { high: 0, low: 0 }
/** The digits of `lastTime` and of the high half: one that follows within the millisecond has the same. */
let head = ''

/** The smallest ULID of this millisecond: everything made before it sorts below. */
export const ulidFloor = (time: number): string => crockford(time, TIME_DIGITS) + '0'.repeat(2 * HALF_DIGITS)

/** ULID that always grows within this process: sorts by time, 26 characters. Serves as order and cursor of the event log. */
export const ulid = (now: number): string => {
  if (now > lastTime) {
    const random = randomness(10)
    // Half of the range is left to grow into.
    goOn(now, { high: Math.floor(random.readUIntBE(0, 5) / 2), low: random.readUIntBE(5, 5) })
  } else if (tail.low + 1 < HALF) {
    tail.low += 1
  } else {
    goOn(lastTime, { high: tail.high + 1, low: 0 })
  }
  return head + crockford(tail.low, HALF_DIGITS)
}

/** Ids from now on sort behind this one, which an earlier process made. */
export const continueUlids = (last: string): void => {
  const half = TIME_DIGITS + HALF_DIGITS
  const [time, high, low] = [numberIn(last.slice(0, TIME_DIGITS)), numberIn(last.slice(TIME_DIGITS, half)), numberIn(last.slice(half))]
  const order = time - lastTime || high - tail.high || low - tail.low
  if (order > 0) goOn(time, { high, low })
}

const goOn = (time: number, from: Tail): void => {
  lastTime = time
  tail = from
  head = crockford(time, TIME_DIGITS) + crockford(from.high, HALF_DIGITS)
}

const crockford = (number: number, digits: number): string => {
  let value = number
  let text = ''
  for (let index = 0; index < digits; index++) {
    text = alphabet.charAt(value % 32) + text
    value = Math.floor(value / 32)
  }
  return text
}

const numberIn = (digits: string): number => [...digits].reduce((sum, digit) => sum * 32 + alphabet.indexOf(digit), 0)

/** A token nobody can guess: 256 random bits after the prefix (`ryz_a_` accounts, `ryz_i_` instances). */
export const newToken = (prefix: 'ryz_a_' | 'ryz_i_'): string => prefix + randomBytes(32).toString('base64url')

/** What is stored in place of a token and looked up by. */
export const tokenHash = (token: string): string => hash('sha256', token)

/** Compares two secrets without telling by its time where they differ. */
export const sameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())

/** The same for two values of `tokenHash`. */
export const sameHash = (a: string, b: string): boolean => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
