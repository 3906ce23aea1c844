/**
 * Takes the long strings out of a JSON text as it arrives: what is returned is the same JSON with a short mark in the place of each, and
 * their characters lie in files; those of some hundred kilobytes stay in memory as the bytes they came in, unless an escape is among them.
 * Base64 of 100 MB thus costs no memory. It only tells strings from the rest; whether it is JSON at all is for the parser that reads the result.
 */
import { errors } from './errors.ts'
import { LongValue } from './long-value.ts'
import type { Spool, SpoolWriter } from './spool.ts'

export interface Shortened {
  json: Buffer
  /** What each mark stands for. */
  values: Map<string, LongValue>
}

export interface ShorteningLimits {
  /** Bytes of a string that stays what it is. */
  string: number
  /** Bytes of a string that is held in memory; a longer one goes to disk. */
  heldString: number
  /** Bytes of everything that is held in memory. */
  held: number
  /** Bytes of the whole body. */
  total: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const endOfString = Buffer.from('"')

/** Throws 413 over a limit, 400 for an escape that is none; files it made are gone then. */
export const takeOutLongStrings = async (
  body: AsyncIterable<Uint8Array>,
  spool: Spool,
  { string: longest, heldString: longestHeld, held, total }: ShorteningLimits,
  newMark: () => string,
): Promise<Shortened> => {
  const kept: Buffer[] = []
  const values: Shortened['values'] = new Map()
  let keptBytes = 0
  let allBytes = 0
  let inString = false
  /** Of the string we are in, as long as it is held. */
  let begun: Buffer[] = []
  let begunBytes = 0
  let escaped = false
  /** Of the string we are in, once it is on disk. */
  let long: SpoolWriter | null = null
  /** The beginning of an escape whose rest is in the next piece. */
  let begunEscape = ''

  const count = (bytes: number): void => {
    keptBytes += bytes
    if (keptBytes > held) throw errors.bodyTooLarge()
  }

  const keep = (bytes: Buffer): void => {
    count(bytes.length)
    kept.push(bytes)
  }

  /** Raw bytes of a string, escapes included. */
  const addRaw = async (bytes: Buffer): Promise<void> => {
    if (bytes.length === 0) return
    if (long !== null) return long.write(bytes)
    begun.push(bytes)
    begunBytes += bytes.length
    if (begunBytes <= longestHeld) return
    long = spool.create()
    const raw = Buffer.concat(begun)
    begun = []
    // What was held with its escapes as they are now goes out without them.
    for (const part of unescapedParts(raw.toString('latin1'))) await long.write(Buffer.from(part.text, part.encoding))
  }

  const endString = async (): Promise<void> => {
    if (long !== null) {
      await long.close()
      take({ path: long.path, size: long.size })
    } else if (begunBytes > longest && !escaped) {
      count(begunBytes)
      take({ held: begun })
    } else {
      for (const bytes of begun) keep(bytes)
      keep(endOfString)
    }
    begun = []
    begunBytes = 0
    escaped = false
    long = null
    inString = false
  }

  const take = (content: ConstructorParameters<typeof LongValue>[0]): void => {
    const mark = newMark()
    values.set(mark, new LongValue(content, { encoding: 'text', mimeType: null, fileName: null }))
    keep(Buffer.from(`${mark}"`))
  }

  /** Reads an escape from `at` on; gives where it ends, or -1 when the piece ends first. */
  const takeEscape = async (chunk: Buffer, at: number): Promise<number> => {
    const text = begunEscape + chunk.toString('latin1', at, at + 6 - begunEscape.length)
    const length = text[1] === 'u' ? 6 : 2
    if (text.length < length) {
      begunEscape = text
      return -1
    }
    const whole = text.slice(0, length)
    const end = at + length - begunEscape.length
    begunEscape = ''
    escaped = true
    if (long === null) await addRaw(Buffer.from(whole, 'latin1'))
    else for (const part of unescapedParts(whole)) await long.write(Buffer.from(part.text, part.encoding))
    return end
  }

  const read = async (chunk: Buffer): Promise<void> => {
    let at = 0
    if (begunEscape !== '') {
      at = await takeEscape(chunk, 0)
      if (at < 0) return
    }
    while (at < chunk.length) {
      if (!inString) {
        const begin = chunk.indexOf(QUOTE, at)
        const end = begin < 0 ? chunk.length : begin + 1
        keep(chunk.subarray(at, end))
        inString = begin >= 0
        at = end
        continue
      }
      const quote = indexOf(chunk, QUOTE, at)
      const backslash = indexOf(chunk.subarray(0, quote), BACKSLASH, at)
      const end = Math.min(quote, backslash)
      await addRaw(chunk.subarray(at, end))
      at = end
      if (at >= chunk.length) return
      if (chunk[at] === QUOTE) {
        await endString()
        at += 1
      } else {
        at = await takeEscape(chunk, at)
        if (at < 0) return
      }
    }
  }

  try {
    for await (const chunk of body) {
      allBytes += chunk.length
      if (allBytes > total) throw errors.bodyTooLarge()
      await read(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    }
    if (inString) throw errors.malformedBody()
    return { json: Buffer.concat(kept), values }
  } catch (error) {
    await (long as SpoolWriter | null)?.discard()
    for (const value of values.values()) await value.discard()
    throw error
  }
}

const indexOf = (bytes: Buffer, byte: number, from: number): number => {
  const found = bytes.indexOf(byte, from)
  return found < 0 ? bytes.length : found
}

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/** A JSON string's inside, byte per character, as what it means: stretches of raw bytes and of characters. Throws 400. */
const unescapedParts = (text: string): { text: string; encoding: 'latin1' | 'utf8' }[] => {
  const parts: { text: string; encoding: 'latin1' | 'utf8' }[] = []
  let at = 0
  for (let next = text.indexOf('\\'); next >= 0; next = text.indexOf('\\', at)) {
    if (next > at) parts.push({ text: text.slice(at, next), encoding: 'latin1' })
    const kind = text[next + 1] ?? ''
    const digits = text.slice(next + 2, next + 6)
    if (kind === 'u' && /^[0-9a-fA-F]{4}$/.test(digits))
      parts.push({ text: String.fromCharCode(Number.parseInt(digits, 16)), encoding: 'utf8' })
    else if (escapes[kind] !== undefined) parts.push({ text: escapes[kind], encoding: 'utf8' })
    else throw errors.malformedBody()
    at = next + (kind === 'u' ? 6 : 2)
  }
  if (at < text.length) parts.push({ text: text.slice(at), encoding: 'latin1' })
  return parts
}
