/**
 * Between Baileys and the socket: a frame leaves only when everything committed before it was made is durable. So no receipt can tell WhatsApp that
 * we have what is not on disk yet, and no message leaves on a ratchet step a crash would take back, and still nobody waits for the disk between
 * two messages. Frames keep their order (they are numbered by the Noise cipher).
 */
import type { Commits } from './signal/commits.ts'

type Sent = (error?: Error) => void

/** The part of a `ws` connection that writes. */
export interface Writer {
  send(data: Uint8Array, sent?: Sent): void
  /** Tells of what it writes to once it is connected. */
  once(event: 'upgrade', listener: (response: { socket: Stream }) => void): void
}

interface Stream {
  cork(): void
  uncork(): void
}

export class WireGate {
  readonly #commits: Commits
  readonly #write: Writer['send']
  #held: { data: Uint8Array; mark: number }[] = []
  #made = 0
  #written = 0
  #stream: Stream | null = null
  #waiting: { upTo: number; resolve: () => void }[] = []

  /** Takes over the connection's `send`. */
  constructor(connection: Writer, commits: Commits) {
    this.#commits = commits
    this.#write = connection.send.bind(connection)
    connection.send = (data, sent) => this.#send(data, sent)
    connection.once('upgrade', ({ socket }) => {
      this.#stream = socket
    })
    commits.whenDurable(() => this.#release())
  }

  /** Resolves when every frame made so far has been handed to the socket; never when the connection ends before. */
  flushed(): Promise<void> {
    if (this.#held.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ upTo: this.#made, resolve }))
  }

  #send(data: Uint8Array, sent?: Sent): void {
    this.#made += 1
    const mark = this.#commits.asked
    if (this.#held.length === 0 && this.#commits.durable >= mark) {
      this.#written += 1
      this.#write(data, sent)
      return
    }
    this.#held.push({ data, mark })
    // Baileys goes on with the next message; whoever must know that it is out asks `flushed`.
    sent?.()
  }

  #release(): void {
    const { durable } = this.#commits
    let free = 0
    while ((this.#held[free]?.mark ?? Number.POSITIVE_INFINITY) <= durable) free += 1
    if (free === 0) return
    // In one piece: each call to the kernel costs as much as making a frame.
    this.#stream?.cork()
    for (const { data } of this.#held.splice(0, free)) {
      this.#written += 1
      this.#write(data)
    }
    this.#stream?.uncork()
    const out = this.#waiting.filter(({ upTo }) => upTo <= this.#written)
    if (out.length === 0) return
    this.#waiting = this.#waiting.filter(({ upTo }) => upTo > this.#written)
    for (const { resolve } of out) resolve()
  }
}
