/**
 * Protobuf, field by field, out of bytes that arrive in pieces. What is held at a time is one piece and the field that was asked for: the
 * library's own decoder wants the whole message, and makes all of it at once.
 */
import { EngineError } from '../../../engine.ts'

export interface Field {
  number: number
  /** Tag and, where there is one, length, as they stood. */
  head: Uint8Array
  /** Bytes that follow. */
  length: number
}

/** A tag and a length are at most so long. */
const LONGEST_HEAD = 15
const LONGEST_VARINT = 10
const nothing = Buffer.alloc(0)

export class Fields {
  readonly #pieces: AsyncIterator<Uint8Array>
  #held: Buffer = nothing
  #at = 0
  #ended = false
  /** Bytes that were left behind with earlier pieces. */
  #passed = 0

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#pieces = bytes[Symbol.asyncIterator]()
  }

  /** Of the next byte, from the beginning. */
  get position(): number {
    return this.#passed + this.#at
  }

  /** The next field before position `end`; null when there is none. To be followed by {@link content}, {@link skip} or a look at what is in it. */
  async next(end: number = Number.POSITIVE_INFINITY): Promise<Field | null> {
    if (this.position >= end) return null
    await this.#hold(LONGEST_HEAD)
    if (this.#at === this.#held.length) {
      if (end !== Number.POSITIVE_INFINITY) throw damaged('it ends in the middle')
      return null
    }
    const start = this.#at
    const tag = this.#varint()
    const number = Math.floor(tag / 8)
    const length = await this.#lengthOf(tag % 8)
    // Strings and submessages have their length in front; for all others only the tag is.
    const head = this.#held.subarray(start, this.#at)
    if (this.position + length > end) throw damaged('a field is longer than what it stands in')
    return { number, head, length }
  }

  async content({ length }: Field): Promise<Uint8Array> {
    await this.#hold(length)
    if (this.#held.length - this.#at < length) throw damaged('it ends in the middle')
    this.#at += length
    return this.#held.subarray(this.#at - length, this.#at)
  }

  async skip({ length }: Field): Promise<void> {
    let left = length
    while (this.#held.length - this.#at < left) {
      left -= this.#held.length - this.#at
      this.#at = this.#held.length
      if (!(await this.#pull())) throw damaged('it ends in the middle')
    }
    this.#at += left
  }

  async #lengthOf(wireType: number): Promise<number> {
    if (wireType === 2) return this.#varint()
    if (wireType === 1) return 8
    if (wireType === 5) return 4
    if (wireType === 0) {
      const end = this.#held.subarray(this.#at, this.#at + LONGEST_VARINT).findIndex((byte) => byte < 0x80)
      if (end >= 0) return end + 1
    }
    throw damaged('no such kind of field')
  }

  /** Up to 2^53: nothing we look at the size of is larger. */
  #varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#held[this.#at]
      if (byte === undefined || factor > 2 ** 49) throw damaged('a number does not end')
      this.#at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
  }

  /** Sees that so many bytes are at hand, or all that are left. */
  async #hold(count: number): Promise<void> {
    const missing = count - (this.#held.length - this.#at)
    if (missing <= 0 || this.#ended) return
    const pieces: Uint8Array[] = [this.#held.subarray(this.#at)]
    this.#passed += this.#at
    for (let got = 0; got < missing; ) {
      const { value, done } = await this.#pieces.next()
      if (done) {
        this.#ended = true
        break
      }
      pieces.push(value)
      got += value.length
    }
    this.#held = Buffer.concat(pieces)
    this.#at = 0
  }

  async #pull(): Promise<boolean> {
    if (this.#ended) return false
    this.#passed += this.#held.length
    this.#at = 0
    const { value, done } = await this.#pieces.next()
    this.#ended = done === true
    this.#held = done ? nothing : Buffer.from(value.buffer, value.byteOffset, value.length)
    return !this.#ended
  }
}

export const damaged = (why: string): EngineError => new EngineError('damaged', `history cannot be read: ${why}`)
