/**
 * Misbehaviour on request: which stanza of which connection is hit by which fault. Faults act on the wire of companions
 * (`match.phone` is the number of the account they belong to); a phone's own stanzas are never touched.
 */
import type { Direction } from '../traffic.ts'
import type { BinaryNode } from '../wire/nodes.ts'
import { contains } from './damage.ts'

export type FaultAction =
  /** The stanza vanishes. */
  | { action: 'drop' }
  /** The stanza arrives `ms` later; others overtake it. */
  | { action: 'delay'; ms: number }
  /** The stanza arrives twice. */
  | { action: 'duplicate' }
  /** The stanza waits until the next one of the same direction has passed, at most a second. */
  | { action: 'reorder' }
  /** One byte of each `enc` and `patch` is flipped; a stanza without any has its frame damaged, which ends the connection. */
  | { action: 'corrupt' }
  /** A message from the companion goes nowhere and is acknowledged with this error. */
  | { action: 'ack-error'; code: number }
  /** A request of the companion is answered with this error. */
  | { action: 'iq-error'; code: number; text: string }
  /** `<stream:error code>`, then the connection ends. */
  | { action: 'stream-error'; code: number }
  /** The connection ends without a word. */
  | { action: 'close' }
  /** From the first hit on nothing passes on that connection, either way, though it stays open; with `times` for good, else until deleted. */
  | { action: 'silence' }
  /**
   * New connections are refused: at the door, or, when it is about one phone, once it has said who it is, with `<failure reason>`
   * (503 unless `code` says otherwise; 403 is what a banned account gets).
   */
  | { action: 'refuse-connections'; code?: number | undefined }

export interface FaultMatch {
  phone?: string | undefined
  device?: number | undefined
  tag?: string | undefined
  /** For `iq`. */
  xmlns?: string | undefined
  /** The `type` attribute. */
  type?: string | undefined
  /** The name of an element that stands somewhere in it. */
  contains?: string | undefined
  direction?: Direction | undefined
}

export interface FaultSpec {
  match: FaultMatch
  fault: FaultAction
  /** How often it strikes; undefined: until deleted. */
  times: number | undefined
}

/** Whose connection it is; both undefined before the login. */
export interface LineOwner {
  phone: string | undefined
  device: number | undefined
}

export interface ActiveFault extends FaultSpec {
  id: string
  struck: number
}

/** Connections that a fault can strike without waiting for a stanza. */
export interface FaultTarget {
  readonly owner: LineOwner
  strike(fault: FaultAction): void
}

const CAPACITY = 1_000
const UNAVAILABLE = 503

export class FaultsFull extends Error {}

export class Faults {
  readonly #active = new Map<string, ActiveFault>()
  #lastId = 0

  list(): ActiveFault[] {
    return [...this.#active.values()]
  }

  /**
   * `close` and `stream-error` that name no kind of stanza strike at once; when nobody fitting is connected they wait for the first
   * stanza. Without `times` they strike once (once per connection at the moment they are set).
   */
  add(spec: FaultSpec, connected: Iterable<FaultTarget> = []): string {
    if (this.#active.size >= CAPACITY) throw new FaultsFull(`there are ${CAPACITY} faults already`)
    this.#lastId += 1
    const id = `fault-${this.#lastId}`
    const endsConnection = spec.fault.action === 'close' || spec.fault.action === 'stream-error'
    const times = spec.times ?? (endsConnection ? 1 : undefined)
    if (endsConnection && namesNoStanza(spec.match)) {
      const targets = [...connected].filter((target) => matchesOwner(spec.match, target.owner))
      for (const target of targets) target.strike(spec.fault)
      if (targets.length > 0 && (times ?? 1) <= 1) return id
    }
    this.#active.set(id, { ...spec, times, id, struck: 0 })
    return id
  }

  remove(id: string): boolean {
    return this.#active.delete(id)
  }

  clear(): void {
    this.#active.clear()
  }

  /** Whether the fault is still to be felt. */
  isActive(id: string): boolean {
    return this.#active.has(id)
  }

  /** The first fault that hits this stanza; counts as a strike. */
  decide(direction: Direction, owner: LineOwner, stanza: BinaryNode): ActiveFault | undefined {
    if (this.#active.size === 0) return undefined
    for (const fault of this.#active.values()) {
      if (!strikes(fault, direction, owner, stanza)) continue
      this.#count(fault)
      return fault
    }
    return undefined
  }

  /** The code a new connection is turned away with, if it is. Before the login its owner is unknown and only faults without a phone apply. */
  refusal(owner: LineOwner): number | undefined {
    for (const fault of this.#active.values()) {
      if (fault.fault.action !== 'refuse-connections' || !matchesOwner(fault.match, owner)) continue
      this.#count(fault)
      return fault.fault.code ?? UNAVAILABLE
    }
    return undefined
  }

  #count(fault: ActiveFault): void {
    fault.struck += 1
    if (fault.times !== undefined && fault.struck >= fault.times) this.#active.delete(fault.id)
  }
}

function strikes(spec: FaultSpec, direction: Direction, owner: LineOwner, stanza: BinaryNode): boolean {
  const { match, fault } = spec
  if (!matchesOwner(match, owner)) return false
  if (match.direction !== undefined && match.direction !== direction) return false
  if (match.tag !== undefined && match.tag !== stanza.tag) return false
  if (match.xmlns !== undefined && match.xmlns !== stanza.attrs.xmlns) return false
  if (match.type !== undefined && match.type !== stanza.attrs.type) return false
  if (match.contains !== undefined && !contains(stanza, match.contains)) return false
  switch (fault.action) {
    case 'refuse-connections':
      return false
    case 'ack-error':
      return direction === 'in' && stanza.tag === 'message'
    case 'iq-error':
      return direction === 'in' && stanza.tag === 'iq' && (stanza.attrs.type === 'get' || stanza.attrs.type === 'set')
    default:
      return true
  }
}

function matchesOwner(match: FaultMatch, owner: LineOwner): boolean {
  return (match.phone === undefined || match.phone === owner.phone) && (match.device === undefined || match.device === owner.device)
}

function namesNoStanza(match: FaultMatch): boolean {
  return (
    match.tag === undefined &&
    match.xmlns === undefined &&
    match.type === undefined &&
    match.contains === undefined &&
    match.direction === undefined
  )
}
