/** The last stanzas seen, for tests to look at. Recording costs one assignment; stanzas are described only when somebody reads. */
import { type BinaryNode, childrenOf } from './wire/nodes.ts'

/** `in` is towards the network, `out` towards the device. */
export type Direction = 'in' | 'out'

export interface TrafficEntry {
  cursor: number
  /** Milliseconds since 1970. */
  at: number
  direction: Direction
  /** Undefined before a login. */
  phone: string | undefined
  /** 0 is the phone itself, whose stanzas touch no wire. */
  device: number | undefined
  stanza: BinaryNode
}

export interface DescribedNode {
  tag: string
  attrs: Record<string, string>
  content?: DescribedNode[] | string | { bytes: number; base64?: string }
}

export class TrafficLog {
  readonly #capacity: number
  readonly #ring: TrafficEntry[] = []
  #last = 0

  constructor(capacity = 5_000) {
    this.#capacity = capacity
  }

  get cursor(): number {
    return this.#last
  }

  record(entry: Omit<TrafficEntry, 'cursor'>): void {
    this.#last += 1
    this.#ring[(this.#last - 1) % this.#capacity] = { cursor: this.#last, ...entry }
  }

  /** Entries after `cursor`, oldest first; the ones that fell out of the ring are gone. */
  after(cursor: number, limit: number, wanted: (entry: TrafficEntry) => boolean = () => true): TrafficEntry[] {
    const found: TrafficEntry[] = []
    const first = Math.max(cursor, this.#last - this.#capacity)
    for (let position = first; position < this.#last && found.length < limit; position += 1) {
      const entry = this.#ring[position % this.#capacity]
      if (entry !== undefined && wanted(entry)) found.push(entry)
    }
    return found
  }
}

/** Bytes longer than this are named by their length only. */
const SHOWN_BYTES = 64
/** Their content belongs to the people writing to each other. */
const SEALED = new Set(['enc', 'plaintext'])

export function describe(stanza: BinaryNode): DescribedNode {
  const { tag, attrs, content } = stanza
  if (Array.isArray(content)) return { tag, attrs, content: childrenOf(stanza).map(describe) }
  if (content === undefined) return { tag, attrs }
  if (SEALED.has(tag)) return { tag, attrs, content: { bytes: content.length } }
  if (typeof content === 'string') return { tag, attrs, content }
  if (content.length > SHOWN_BYTES) return { tag, attrs, content: { bytes: content.length } }
  return { tag, attrs, content: { bytes: content.length, base64: Buffer.from(content).toString('base64') } }
}
