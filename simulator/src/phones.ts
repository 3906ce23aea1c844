/** The people of the network: accounts with a phone each, and what somebody holding one can do with it. */
import type { Account, Device } from './accounts/account.ts'
import type { IqDispatcher } from './iq/dispatcher.ts'
import { setPicture } from './iq/profile-picture.ts'
import { setAbout } from './iq/status.ts'
import type { MediaTransfer, PhoneIdentity, PhonePort, Uplink } from './ports.ts'
import type { PairingDesk } from './server/pairing-desk.ts'
import { PhoneLine } from './server/phone-line.ts'
import type { StanzaDesk } from './server/stanza-desk.ts'
import type { Services } from './services.ts'
import type { TrafficLog } from './traffic.ts'

/** What a phone is made of; `createPhone` of `phone/phone.ts`, or a stand-in in tests. */
export type PhoneFactory = (parts: {
  identity: PhoneIdentity
  uplink: Uplink
  /** Milliseconds since 1970. */
  now: () => number
  echo: boolean
  random: (length: number) => Uint8Array
  media: MediaTransfer
  onTrouble: (error: unknown, doing: string) => void
}) => PhonePort

export class PhoneOffline extends Error {}

/** An account together with its phone. */
export interface Person {
  readonly account: Account
  readonly phone: PhonePort
  readonly line: PhoneLine
}

export interface PhonesParts {
  services: Services
  desk: StanzaDesk
  iqs: IqDispatcher
  pairing: PairingDesk
  traffic: TrafficLog
  createPhone: PhoneFactory
  /** Hears in words of what went wrong where nobody waits for the outcome. */
  trouble: (words: string) => void
}

export class Phones {
  readonly #parts: PhonesParts
  readonly #people = new Map<Account, Person>()

  constructor(parts: PhonesParts) {
    this.#parts = parts
  }

  all(): Person[] {
    return [...this.#people.values()]
  }

  byNumber(number: string): Person | undefined {
    const account = this.#parts.services.directory.byNumber(number)
    return account && this.#people.get(account)
  }

  /** Makes an account and starts its phone. Throws `DirectoryError` when the number is taken. */
  async create(input: { number: string; name: string; business: boolean; echo: boolean }): Promise<Person> {
    const { services, desk, iqs, traffic, createPhone } = this.#parts
    const now = () => services.clock.now()
    const account = services.directory.create({ ...input, createdAt: Math.floor(now() / 1000) })
    const line = new PhoneLine({ device: account.phone, desk, iqs, traffic, now })
    const { number, jid, lid, name, business } = account
    const phone = createPhone({
      identity: { number, jid, lid, name, business },
      uplink: line,
      now,
      echo: input.echo,
      random: services.seed.stream(`phone ${number}`),
      media: services.media,
      onTrouble: (error, doing) => this.#parts.trouble(`phone ${number}, ${doing}: ${String(error)}`),
    })
    const person: Person = { account, phone, line }
    line.connect(phone)
    await phone.start()
    this.#people.set(account, person)
    return person
  }

  /** Throws `PairingError`, {@link PhoneOffline}. */
  async scan(person: Person, qr: string): Promise<Device> {
    requireOnline(person)
    return this.#parts.pairing.scan(qr, person.account, person.phone)
  }

  /** The network answers the scan by having the companion show another code. Throws `PairingError`, {@link PhoneOffline}. */
  async scanInVain(person: Person, qr: string): Promise<void> {
    requireOnline(person)
    await this.#parts.pairing.scanInVain(qr)
  }

  /** Throws `PairingError`, {@link PhoneOffline}. */
  async typeCode(person: Person, code: string): Promise<Device> {
    requireOnline(person)
    return this.#parts.pairing.typeCode(code, person.account, person.phone)
  }

  setOnline(person: Person, online: boolean): void {
    person.line.setOnline(online)
    if (!online) {
      this.#parts.services.presence.gone(person.account.phone)
      return
    }
    for (const device of person.account.companions()) {
      if (device.awaitsFirstLogin && device.connection !== undefined) this.introduce(device)
    }
  }

  /** A companion is ready for the first time: its phone shares what it needs. Waits when the phone is offline. */
  introduce(device: Device): void {
    const person = this.#people.get(device.account)
    if (person === undefined || !person.line.online || !device.awaitsFirstLogin) return
    device.awaitsFirstLogin = false
    person.phone.deviceLinked(device.jid(), device).catch((error: unknown) => {
      this.#parts.trouble(`phone ${device.account.number}, introducing ${device.jid()}: ${String(error)}`)
    })
  }

  deviceUnlinked(device: Device): void {
    this.#people.get(device.account)?.phone.deviceUnlinked(device.jid())
  }

  rename(person: Person, name: string): void {
    person.account.name = name
    person.phone.configure({ name })
  }

  setAbout(person: Person, text: string): void {
    setAbout(person.account, text, this.#parts.services)
  }

  setPicture(person: Person, bytes: Buffer | undefined): void {
    setPicture(person.account, bytes, this.#parts.services)
  }

  close(): void {
    for (const { phone } of this.#people.values()) phone.close()
  }
}

export function requireOnline(person: Person): void {
  if (!person.line.online) throw new PhoneOffline(`the phone ${person.account.number} is offline`)
}
