/** What an Ogg/Opus file tells without a decoder (RFC 3533, RFC 7845): channels, and how long it is. */
import { open } from 'node:fs/promises'

export interface OggOpus {
  channels: number
  /** Null when the end of the file is missing. */
  seconds: number | null
}

const HEAD = 512
/** A page is at most this long. */
const TAIL = 65_307
/** Granule positions of Opus count at 48 kHz, whatever the sound was recorded at. */
const RATE = 48_000

/** Null: the file is not Opus in Ogg. */
export const readOggOpus = async (path: string): Promise<OggOpus | null> => {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const read = async (at: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at)
      return buffer.subarray(0, bytesRead)
    }
    const head = await read(0, HEAD)
    const opus = head.indexOf('OpusHead')
    if (head.toString('latin1', 0, 4) !== 'OggS' || opus < 0 || opus + 12 > head.length) return null
    const preSkip = head.readUInt16LE(opus + 10)
    const tail = await read(Math.max(0, size - TAIL), TAIL)
    const last = tail.lastIndexOf('OggS')
    const granule = last < 0 || last + 14 > tail.length ? -1n : tail.readBigInt64LE(last + 6)
    const seconds = granule < 0n ? null : Math.max(0, Number(granule) - preSkip) / RATE
    return { channels: head.readUInt8(opus + 9), seconds }
  } finally {
    await file.close()
  }
}
