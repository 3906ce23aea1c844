/**
 * Frames on the WebSocket: an intro once, then 3-byte big-endian lengths (engine.md §9.3).
 *
 * The intro is `WA` 06 03; a client that was told an edge route before puts `ED` 00 01 ‖ 3-byte length ‖ routing info in front of it.
 */

/** `WA`, protocol 6, dictionary 3: the dictionary the stanza codec speaks. It is also the Noise prologue. */
export const INTRO_HEADER = Buffer.from([0x57, 0x41, 6, 3])

/** Longest body a 3-byte length can name. */
const LARGEST_BODY = 0xffffff
const MAX_ROUTING_INFO = 1024

export class FrameError extends Error {}

/** One frame, ready to be written: length ‖ body. */
export function encodeFrame(body: Uint8Array): Buffer {
  if (body.length > LARGEST_BODY) throw new FrameError(`a frame of ${body.length} bytes does not fit`)
  const frame = Buffer.allocUnsafe(3 + body.length)
  frame.writeUIntBE(body.length, 0, 3)
  frame.set(body, 3)
  return frame
}

/** Cuts the byte stream of one client into frame bodies. Holds at most one unfinished frame. */
export class FrameReader {
  readonly #maxBody: number
  #pending: Buffer = Buffer.alloc(0)
  #introduced = false

  constructor(maxBody: number) {
    this.#maxBody = Math.min(maxBody, LARGEST_BODY)
  }

  /** Bodies completed by `chunk`, in order. Throws {@link FrameError} when the stream cannot be a WhatsApp client's. */
  push(chunk: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    if (!this.#introduced && !this.#readIntro()) return []
    const bodies: Buffer[] = []
    while (this.#pending.length >= 3) {
      const length = this.#pending.readUIntBE(0, 3)
      if (length > this.#maxBody) throw new FrameError(`a frame of ${length} bytes is over the limit`)
      if (this.#pending.length < 3 + length) break
      bodies.push(this.#pending.subarray(3, 3 + length))
      this.#pending = this.#pending.subarray(3 + length)
    }
    return bodies
  }

  #readIntro(): boolean {
    let offset = 0
    if (startsLike(this.#pending, Buffer.from([0x45, 0x44, 0, 1]))) {
      if (this.#pending.length < 7) return false
      const routing = this.#pending.readUIntBE(4, 3)
      if (routing > MAX_ROUTING_INFO) throw new FrameError('routing info is too long')
      offset = 7 + routing
    }
    if (this.#pending.length < offset + INTRO_HEADER.length) {
      if (offset === 0 && !startsLike(this.#pending, INTRO_HEADER)) throw new FrameError('unknown intro')
      return false
    }
    if (!this.#pending.subarray(offset, offset + INTRO_HEADER.length).equals(INTRO_HEADER)) throw new FrameError('unknown intro')
    this.#pending = this.#pending.subarray(offset + INTRO_HEADER.length)
    this.#introduced = true
    return true
  }
}

/** True when `bytes` is equal to `prefix` as far as both reach. */
function startsLike(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length)
  return bytes.subarray(0, length).equals(prefix.subarray(0, length))
}
