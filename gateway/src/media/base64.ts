/** Base64 as a stream: both alphabets, with or without padding, broken into lines or not. */
import { mediaErrors } from './media-errors.ts'

const DIGITS = /^[A-Za-z0-9+/_-]*$/

/** Yields the bytes of a text that begins at this character. Throws 400 for anything that is no base64. */
export async function* decodeBase64(text: Iterable<string> | AsyncIterable<string | Uint8Array>, begin = 0): AsyncGenerator<Uint8Array> {
  let skip = begin
  let rest = ''
  let ended = false
  for await (const chunk of text) {
    let piece = typeof chunk === 'string' ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1')
    if (skip > 0) {
      const skipped = Math.min(skip, piece.length)
      skip -= skipped
      piece = piece.slice(skipped)
    }
    const all = rest + piece
    const groups = all.length - (all.length % 4)
    const bytes = Buffer.from(all.slice(0, groups), 'base64')
    // Node leaves out what is no digit and ends at padding: where nothing is missing, all were digits.
    if (!ended && bytes.length === (groups / 4) * 3 && DIGITS.test(all.slice(groups))) {
      rest = all.slice(groups)
      if (groups > 0) yield bytes
      continue
    }
    // A JSON text may write a slash as `\/`, and people paste line breaks.
    if (/[\s\\]/.test(piece)) piece = piece.replace(/[\s\\]+/g, '')
    const padding = piece.indexOf('=')
    const digits = padding < 0 ? piece : piece.slice(0, padding)
    if ((ended && piece !== '' && !/^=+$/.test(piece)) || !DIGITS.test(digits)) throw mediaErrors.unusable('not valid base64')
    if (padding >= 0) {
      if (!/^={1,2}$/.test(piece.slice(padding))) throw mediaErrors.unusable('not valid base64')
      ended = true
    }
    const here = rest + digits
    const whole = here.length - (here.length % 4)
    rest = here.slice(whole)
    if (whole > 0) yield Buffer.from(here.slice(0, whole), 'base64')
  }
  if (rest.length === 1) throw mediaErrors.unusable('not valid base64')
  if (rest.length > 0) yield Buffer.from(rest, 'base64')
}

/** Characters of this many bytes. */
export const base64Length = (bytes: number): number => Math.ceil(bytes / 3) * 4

/** Yields the characters of the bytes, piece by piece. */
export async function* encodeBase64(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of bytes) {
    const here: Buffer = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength) : Buffer.concat([rest, chunk])
    // Three bytes become four characters; what does not fill a group waits for the next piece.
    const whole = here.length - (here.length % 3)
    if (whole > 0) yield Buffer.from(here.toString('base64', 0, whole), 'latin1')
    rest = Buffer.from(here.subarray(whole))
  }
  if (rest.length > 0) yield Buffer.from(rest.toString('base64'), 'latin1')
}
