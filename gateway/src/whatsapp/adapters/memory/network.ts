/** A WhatsApp network in memory: people with a phone each, and companions linked to them. No cryptography, no sockets; for fast tests. */
import { randomUUID } from 'node:crypto'
import type { Address, CloseReason, IncomingCall, ReceiptStatus } from '../../engine.ts'
import { lidJid, numberJid } from '../../jid.ts'
import type { PrivacyCategory } from '../../profile.ts'
import type { WireMessage } from '../../wire.ts'
import { MemoryChats } from './chats.ts'
import { MemoryLabels } from './labels.ts'
import { MemoryMediaHost } from './media.ts'

/** A message on its way or in somebody's log. */
export interface MemoryMessage {
  id: string
  /** Who wrote it, to whom; for the reader the chat is the other one. */
  from: MemoryPerson
  to: MemoryPerson
  message: WireMessage
  /** Milliseconds. */
  timestamp: number
}

export interface MemoryReceipt {
  ids: string[]
  status: ReceiptStatus
  from: MemoryPerson
  to: MemoryPerson
}

/** What a linked companion hears. Implemented by the session while it is connected. */
export interface CompanionLine {
  message(message: MemoryMessage, offline: boolean): void
  receipt(receipt: MemoryReceipt): void
  call(call: IncomingCall): void
  labelsChanged(): void
  chatsChanged(): void
  /** The person's address book was changed; empty: taken out of it. */
  saved(other: Address, name: string): void
  hangUp(reason: CloseReason): void
}

export class MemoryNetwork {
  readonly #people = new Map<string, MemoryPerson>()
  readonly #offers = new Map<string, (person: MemoryPerson) => void>()
  /** While set, every connection attempt ends with this reason. */
  refuse: CloseReason | null = null
  /** Error codes WhatsApp answers the next messages with. */
  readonly rejections: number[] = []

  /** The media host. */
  readonly media = new MemoryMediaHost()

  /** Makes the person when there is none with this number. */
  person(number: string, { name = number }: { name?: string } = {}): MemoryPerson {
    const known = this.#people.get(number)
    if (known !== undefined) return known
    const person = new MemoryPerson(this, number, name, String(900_000_000 + this.#people.size))
    this.#people.set(number, person)
    return person
  }

  find(address: Address): MemoryPerson | null {
    for (const person of this.#people.values()) {
      if (person.address.jid === address.jid || person.address.lid === address.lid) return person
    }
    return null
  }

  has(number: string): boolean {
    return this.#people.has(number)
  }

  /** Shows a QR text or pairing code; `linked` hears who used it. */
  offer(text: string, linked: (person: MemoryPerson) => void): void {
    this.#offers.set(text, linked)
  }

  withdraw(text: string): void {
    this.#offers.delete(text)
  }

  accept(text: string, person: MemoryPerson): void {
    const linked = this.#offers.get(text)
    if (linked === undefined) throw new Error('nobody shows this code')
    this.#offers.delete(text)
    linked(person)
  }

  /** Cuts every connection. */
  drop(reason: CloseReason = 'lost'): void {
    for (const person of this.#people.values()) for (const device of person.devices.values()) device.line?.hangUp(reason)
  }

  deliver(message: MemoryMessage, except: MemoryDevice | null): void {
    for (const person of new Set([message.from, message.to])) person.take(message, except)
  }
}

export interface MemoryDevice {
  id: number
  /** Proves at login that the companion is the one that was linked. */
  secret: string
  line: CompanionLine | null
  /** What arrived while it was away. */
  waiting: MemoryMessage[]
  /** How many changes to chats it knows of. */
  chatsRead: number
}

export class MemoryPerson {
  readonly number: string
  name: string
  about = ''
  picture: Uint8Array | null = null
  readonly privacy = new Map<PrivacyCategory, string>()
  readonly address: Readonly<Address>
  readonly devices = new Map<number, MemoryDevice>()
  readonly labels = new MemoryLabels()
  readonly chats = new MemoryChats()
  /** Everything the phone has seen, own messages too. */
  readonly received: MemoryMessage[] = []
  readonly receipts: MemoryReceipt[] = []
  readonly calls = new Map<string, 'ringing' | 'rejected' | 'terminated'>()
  /** What others see this person do, last first. */
  readonly chatStates: string[] = []
  presence: 'available' | 'unavailable' = 'unavailable'
  readonly #network: MemoryNetwork
  readonly #waiters = new Set<() => void>()
  #nextDevice = 1

  constructor(network: MemoryNetwork, number: string, name: string, lid: string) {
    this.#network = network
    this.number = number
    this.name = name
    this.address = { jid: numberJid(number), lid: lidJid(lid) }
    this.labels.onChange = () => {
      for (const device of this.devices.values()) device.line?.labelsChanged()
    }
    this.chats.onChange = () => {
      for (const device of this.devices.values()) device.line?.chatsChanged()
    }
  }

  /** Null takes them out of the address book. */
  save(other: MemoryPerson, name: string | null): void {
    for (const device of this.devices.values()) device.line?.saved(other.address, name ?? '')
  }

  scan(qr: string): void {
    this.#network.accept(qr, this)
  }

  typePairingCode(code: string): void {
    this.#network.accept(`${code}/${this.number}`, this)
  }

  /** Sends from the phone; gives the message id. */
  send(to: MemoryPerson, content: string | WireMessage, id: string = randomUUID()): string {
    const message = typeof content === 'string' ? { conversation: content } : content
    this.#network.deliver({ id, from: this, to, message, timestamp: Date.now() }, null)
    return id
  }

  /** Sends receipts for messages of `to`. */
  acknowledge(to: MemoryPerson, ids: string[], status: ReceiptStatus): void {
    to.hear({ ids, status, from: this, to })
  }

  /** Rings; gives the call id. */
  call(to: MemoryPerson): string {
    const id = randomUUID()
    for (const one of [this, to]) one.calls.set(id, 'ringing')
    const call: IncomingCall = {
      id,
      from: this.address,
      status: 'offer',
      isVideo: false,
      isGroup: false,
      groupJid: null,
      timestamp: Date.now(),
    }
    for (const device of to.devices.values()) device.line?.call(call)
    return id
  }

  /** The first message, past or future, that fits. */
  async next(fits: (message: MemoryMessage) => boolean): Promise<MemoryMessage> {
    for (;;) {
      const found = this.received.find(fits)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => this.#waiters.add(resolve))
    }
  }

  unlink(): void {
    for (const device of this.devices.values()) device.line?.hangUp('logged-out')
    this.devices.clear()
  }

  link(): MemoryDevice {
    const device: MemoryDevice = { id: this.#nextDevice++, secret: randomUUID(), line: null, waiting: [], chatsRead: 0 }
    this.devices.set(device.id, device)
    return device
  }

  take(message: MemoryMessage, except: MemoryDevice | null): void {
    this.received.push(message)
    for (const wake of this.#waiters) wake()
    this.#waiters.clear()
    if (message.to === this && message.from !== this) this.acknowledge(message.from, [message.id], 'delivered')
    for (const device of this.devices.values()) {
      if (device === except) continue
      if (device.line === null) device.waiting.push(message)
      else device.line.message(message, false)
    }
  }

  hear(receipt: MemoryReceipt): void {
    this.receipts.push(receipt)
    for (const device of this.devices.values()) device.line?.receipt(receipt)
  }
}
