/** Requests nobody implemented. Acceptance tests assert that there are none. */
import { type DescribedNode, describe } from './traffic.ts'
import type { BinaryNode } from './wire/nodes.ts'

export interface UnansweredRequest {
  /** Milliseconds since 1970. */
  at: number
  phone: string
  device: number
  tag: string
  xmlns: string | undefined
  type: string | undefined
  /** Tag of the first child: what was asked for. */
  child: string | undefined
  /** Why it stands here: not implemented, or a handler failed. */
  reason: string
  stanza: DescribedNode
}

const CAPACITY = 1_000

export class UnansweredLog {
  #requests: UnansweredRequest[] = []

  list(): readonly UnansweredRequest[] {
    return this.#requests
  }

  clear(): void {
    this.#requests = []
  }

  record(stanza: BinaryNode, from: { phone: string; device: number }, at: number, reason: string): void {
    if (this.#requests.length >= CAPACITY) this.#requests.shift()
    const first = Array.isArray(stanza.content) ? stanza.content[0]?.tag : undefined
    const { xmlns, type } = stanza.attrs
    this.#requests.push({ at, ...from, tag: stanza.tag, xmlns, type, child: first, reason, stanza: describe(stanza) })
  }
}
