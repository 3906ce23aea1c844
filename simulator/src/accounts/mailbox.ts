/**
 * Where stanzas for one device wait: while it is away, and until it has confirmed them.
 *
 * A companion confirms with an ack or a receipt; what it has not confirmed when its connection ends is delivered again, marked
 * `offline`, at the next login. That is what lets a client that dies between receiving and storing get its message back.
 */
import { type BinaryNode, idsOf } from '../wire/nodes.ts'

/** Where the stanzas of a connected device go. */
export interface Line {
  send(stanza: BinaryNode): void
  /** Bytes handed over that the other side has not taken yet. */
  readonly backlog: number
}

export interface WaitingCounts {
  message: number
  receipt: number
  notification: number
  call: number
  total: number
}

/** Presence and typing are worth nothing later; these are kept. */
const KEPT = new Set(['message', 'receipt', 'notification', 'call'])
/** Above this many bytes under way the rest of the queue waits. */
const BUSY_BACKLOG = 1024 * 1024
const BUSY_PAUSE_MS = 5

export class Mailbox {
  static readonly capacity = 20_000

  readonly #confirms: boolean
  #line: Line | undefined
  /** False while the queue is being flushed: what arrives then goes to its end, to keep the order. */
  #live = false
  #queue: BinaryNode[] = []
  #head = 0
  readonly #unconfirmed = new Map<string, BinaryNode>()
  #lost = 0

  constructor(options: { confirms: boolean }) {
    this.#confirms = options.confirms
  }

  /** Stanzas thrown away because the device stayed away for too long. */
  get lost(): number {
    return this.#lost
  }

  waiting(): WaitingCounts {
    const counts: WaitingCounts = { message: 0, receipt: 0, notification: 0, call: 0, total: this.#queue.length - this.#head }
    for (let index = this.#head; index < this.#queue.length; index += 1) {
      const tag = this.#queue[index]?.tag
      if (tag === 'message' || tag === 'receipt' || tag === 'notification' || tag === 'call') counts[tag] += 1
    }
    return counts
  }

  deliver(stanza: BinaryNode): void {
    if (this.#live && this.#line !== undefined) this.#hand(this.#line, stanza)
    else if (KEPT.has(stanza.tag)) this.#enqueue(stanza)
  }

  /** The device is reachable. `flushed` is called once, when everything that waited has been handed over. */
  attach(line: Line, flushed: (count: number) => void = () => {}): void {
    this.#line = line
    this.#live = false
    this.#flush(line, 0, flushed)
  }

  /** The device is gone. Says nothing when another line has taken over meanwhile. */
  detach(line: Line): void {
    if (this.#line !== line) return
    this.#line = undefined
    this.#live = false
    const unconfirmed = [...this.#unconfirmed.values()]
    this.#unconfirmed.clear()
    this.#queue = [...unconfirmed, ...this.#queue.slice(this.#head)]
    this.#head = 0
    this.#trim()
  }

  /** Takes an `ack` or `receipt` from the device as proof that it has got what the stanza names. */
  confirm(stanza: BinaryNode): void {
    if (this.#unconfirmed.size === 0) return
    if (stanza.tag === 'ack') {
      const { class: kind = '', id = '', type = '', to = '', participant = '' } = stanza.attrs
      this.#unconfirmed.delete(kind === 'receipt' ? `receipt ${id} ${type} ${to} ${participant}` : `${kind} ${id}`)
      return
    }
    // A retry receipt says that the message could not be read; the ack that follows it closes the matter.
    if (stanza.attrs.type === 'retry') return
    for (const id of idsOf(stanza)) this.#unconfirmed.delete(`message ${id}`)
  }

  #flush(line: Line, sent: number, flushed: (count: number) => void): void {
    if (this.#line !== line) return
    let count = sent
    while (this.#head < this.#queue.length) {
      if (line.backlog > BUSY_BACKLOG) {
        setTimeout(() => this.#flush(line, count, flushed), BUSY_PAUSE_MS)
        return
      }
      const stanza = this.#queue[this.#head]
      this.#head += 1
      if (stanza === undefined) continue
      count += 1
      this.#hand(line, this.#confirms ? { ...stanza, attrs: { ...stanza.attrs, offline: '1' } } : stanza)
      // Handing over may have ended the connection.
      if (this.#line !== line) return
    }
    this.#queue = []
    this.#head = 0
    this.#live = true
    flushed(count)
  }

  #hand(line: Line, stanza: BinaryNode): void {
    if (this.#confirms && KEPT.has(stanza.tag)) {
      const key = confirmationKey(stanza)
      this.#unconfirmed.delete(key)
      this.#unconfirmed.set(key, stanza)
      if (this.#unconfirmed.size > Mailbox.capacity) this.#forgetOldestUnconfirmed()
    }
    line.send(stanza)
  }

  #enqueue(stanza: BinaryNode): void {
    this.#queue.push(stanza)
    this.#trim()
  }

  #trim(): void {
    const excess = this.#queue.length - this.#head - Mailbox.capacity
    if (excess <= 0) return
    this.#lost += excess
    this.#head += excess
    if (this.#head > Mailbox.capacity) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }

  #forgetOldestUnconfirmed(): void {
    for (const key of this.#unconfirmed.keys()) {
      this.#unconfirmed.delete(key)
      return
    }
  }
}

/** One message gets several receipts with its id, so that those are told apart by more than the id. */
function confirmationKey(stanza: BinaryNode): string {
  const { id = '', type = '', from = '', participant = '' } = stanza.attrs
  return stanza.tag === 'receipt' ? `receipt ${id} ${type} ${from} ${participant}` : `${stanza.tag} ${id}`
}
