/** The line of one companion above its connection: writes down what passes and lets faults have their way with it. */
import type { Line } from '../accounts/mailbox.ts'
import { refusedIq, refusedMessage, withDamagedCiphertext } from '../faults/damage.ts'
import type { ActiveFault, FaultAction, Faults, FaultTarget, LineOwner } from '../faults/faults.ts'
import type { Direction, TrafficLog } from '../traffic.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import type { Connection } from './connection.ts'

const REORDER_MS = 1_000

export class CompanionLine implements Line, FaultTarget {
  readonly owner: LineOwner
  readonly #connection: Connection
  readonly #faults: Faults
  readonly #traffic: TrafficLog
  readonly #now: () => number
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #held: Record<Direction, (() => void) | undefined> = { in: undefined, out: undefined }
  #silencedBy: ActiveFault | undefined
  #receiver: (stanza: BinaryNode) => void = () => {}

  constructor(input: { connection: Connection; owner: LineOwner; faults: Faults; traffic: TrafficLog; now: () => number }) {
    this.#connection = input.connection
    this.owner = input.owner
    this.#faults = input.faults
    this.#traffic = input.traffic
    this.#now = input.now
  }

  get backlog(): number {
    return this.#connection.backlog
  }

  onStanza(receiver: (stanza: BinaryNode) => void): void {
    this.#receiver = receiver
  }

  send(stanza: BinaryNode): void {
    this.#pass('out', stanza, (passing) => {
      this.#record('out', passing)
      this.#connection.transmit(passing)
    })
  }

  receive(stanza: BinaryNode): void {
    this.#record('in', stanza)
    this.#pass('in', stanza, this.#receiver)
  }

  /** Ends the connection with these last words, which no fault touches. */
  end(...last: BinaryNode[]): void {
    for (const stanza of last) this.#record('out', stanza)
    this.#connection.end(...last)
  }

  strike(fault: FaultAction): void {
    if (fault.action === 'stream-error') this.end(node('stream:error', { code: String(fault.code) }))
    else if (fault.action === 'close') this.#connection.terminate()
  }

  closed(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#held.in = undefined
    this.#held.out = undefined
    this.#receiver = () => {}
  }

  #pass(direction: Direction, stanza: BinaryNode, onward: (stanza: BinaryNode) => void): void {
    if (this.#isSilent()) return
    const hit = this.#faults.decide(direction, this.owner, stanza)
    if (hit === undefined) onward(stanza)
    else if (hit.fault.action === 'silence') this.#silencedBy = hit
    else this.#misbehave(hit.fault, direction, stanza, onward)
    if (hit?.fault.action !== 'reorder') this.#release(direction)
  }

  #misbehave(fault: FaultAction, direction: Direction, stanza: BinaryNode, onward: (stanza: BinaryNode) => void): void {
    switch (fault.action) {
      case 'delay':
        this.#later(fault.ms, () => onward(stanza))
        break
      case 'duplicate':
        onward(stanza)
        onward(stanza)
        break
      case 'reorder':
        this.#release(direction)
        this.#held[direction] = () => onward(stanza)
        this.#later(REORDER_MS, () => this.#release(direction))
        break
      case 'corrupt':
        this.#corrupt(direction, stanza, onward)
        break
      case 'ack-error':
        this.send(refusedMessage(stanza, fault.code, String(Math.floor(this.#now() / 1000))))
        break
      case 'iq-error':
        this.send(refusedIq(stanza, fault.code, fault.text))
        break
      case 'stream-error':
      case 'close':
        this.strike(fault)
        break
      case 'drop':
      case 'silence':
      case 'refuse-connections':
        break
    }
  }

  #isSilent(): boolean {
    const fault = this.#silencedBy
    return fault !== undefined && (fault.times !== undefined || this.#faults.isActive(fault.id))
  }

  #corrupt(direction: Direction, stanza: BinaryNode, onward: (stanza: BinaryNode) => void): void {
    const damaged = withDamagedCiphertext(stanza)
    if (damaged !== undefined) onward(damaged)
    else if (direction === 'out') this.#connection.transmitDamaged(stanza)
    else this.#connection.terminate()
  }

  #release(direction: Direction): void {
    const held = this.#held[direction]
    this.#held[direction] = undefined
    held?.()
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      act()
    }, ms)
    this.#timers.add(timer)
  }

  #record(direction: Direction, stanza: BinaryNode): void {
    this.#traffic.record({ at: this.#now(), direction, phone: this.owner.phone, device: this.owner.device, stanza })
  }
}
