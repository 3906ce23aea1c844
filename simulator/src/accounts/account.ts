/** A person's WhatsApp account as the server knows it, and its devices: 0 is the phone, the others are companions. */
import { formatJid, type UserServer } from '../jid.ts'
import { AppState } from './app-state.ts'
import { KeyBundle } from './key-bundle.ts'
import { Mailbox } from './mailbox.ts'
import { PrivacySettings } from './privacy.ts'

export interface Picture {
  id: string
  bytes: Buffer
}

export const STORY_AUDIENCES = ['contacts', 'whitelist', 'blacklist'] as const

/** Ids a companion may have; 99 is reserved for hosted devices. */
const LAST_DEVICE_ID = 98

export class Account {
  static readonly maxContacts = 5_000
  static readonly maxBlocked = 5_000

  /** International digits. */
  readonly number: string
  /** User part of the LID. */
  readonly lidUser: string
  readonly business: boolean
  name: string
  /** Whoever goes by one shows nobody the number. */
  username: string | undefined
  about: { text: string; setAt: number }
  picture: Picture | undefined
  /** Default disappearing time of new chats; seconds, 0 is off. */
  disappearing = { duration: 0, setAt: 0 }
  /** Whom the person shows stories to; `people` are those of a white or black list. */
  stories: { audience: (typeof STORY_AUDIENCES)[number]; people: readonly string[] } = { audience: 'contacts', people: [] }
  businessProfile: Record<string, string> = {}
  readonly privacy = new PrivacySettings()
  readonly appState = new AppState()
  /** LIDs of blocked users. */
  readonly blocked = new Set<string>()
  readonly devices = new Map<number, Device>()
  readonly phone: Device
  /** People this account has looked up or written to. */
  readonly contacts = new Set<Account>()
  /** The other way round: who has this account among the contacts, and is told when something about it changes. */
  readonly watchers = new Set<Account>()
  #nextKeyIndex = 1
  #nextDeviceId = 1

  constructor(input: { number: string; lidUser: string; name: string; business: boolean; createdAt: number }) {
    this.number = input.number
    this.lidUser = input.lidUser
    this.name = input.name
    this.business = input.business
    this.about = { text: 'Hey there! I am using WhatsApp.', setAt: input.createdAt }
    this.phone = new Device({ account: this, id: 0, keyIndex: 0, platform: 'android', linkedAt: input.createdAt })
    this.devices.set(0, this.phone)
  }

  get jid(): string {
    return formatJid(this.number, 's.whatsapp.net')
  }

  get lid(): string {
    return formatJid(this.lidUser, 'lid')
  }

  user(server: UserServer): string {
    return server === 'lid' ? this.lidUser : this.number
  }

  address(server: UserServer): string {
    return server === 'lid' ? this.lid : this.jid
  }

  /** How others may name the person: who goes by a username is never named by number. */
  namedIn(server: UserServer): UserServer {
    return this.username === undefined ? server : 'lid'
  }

  /** The address in the other way of addressing; undefined where that is a number nobody is shown. */
  otherAddress(server: UserServer): string | undefined {
    if (this.username !== undefined) return undefined
    return server === 'lid' ? this.jid : this.lid
  }

  /** Number and key index of the next companion. Throws when every device number is taken. */
  reserveDevice(): { id: number; keyIndex: number } {
    for (let tries = 0; tries < LAST_DEVICE_ID; tries += 1) {
      const id = this.#nextDeviceId
      this.#nextDeviceId = id >= LAST_DEVICE_ID ? 1 : id + 1
      if (!this.devices.has(id)) return { id, keyIndex: this.#nextKeyIndex++ }
    }
    throw new Error(`${this.number} has no device number left`)
  }

  companions(): Device[] {
    return [...this.devices.values()].filter((device) => !device.isPhone)
  }

  meet(other: Account): void {
    if (other === this || this.contacts.has(other)) return
    remember(this.contacts, other, Account.maxContacts)
    remember(other.watchers, this, Account.maxContacts)
  }

  isBlocking(other: Account): boolean {
    return this.blocked.size > 0 && this.blocked.has(other.lid)
  }
}

/** How a companion's connection can be told to end. */
export interface DeviceConnection {
  /** The companion is ready for what has waited for it. */
  activate(): void
  /** Another login of the same device took over. */
  replace(): void
  /** The device was unlinked. */
  unlinked(): void
}

export class Device {
  readonly account: Account
  readonly id: number
  readonly keyIndex: number
  /** Shown on the phone's list of linked devices, e.g. `CHROME`. */
  readonly platform: string
  /** Unix seconds. */
  readonly linkedAt: number
  /** Noise static key; logging in with another one is refused. Undefined for phones, which have no Noise transport here. */
  readonly noiseKey: Buffer | undefined
  /** It has asked for all the history there is. */
  readonly fullHistory: boolean
  readonly keys = new KeyBundle()
  readonly mailbox: Mailbox
  connection: DeviceConnection | undefined
  /** The phone has not yet been told that the companion's first login is through. */
  awaitsFirstLogin: boolean

  constructor(input: {
    account: Account
    id: number
    keyIndex: number
    platform: string
    linkedAt: number
    noiseKey?: Buffer
    fullHistory?: boolean
  }) {
    this.account = input.account
    this.id = input.id
    this.keyIndex = input.keyIndex
    this.platform = input.platform
    this.linkedAt = input.linkedAt
    this.noiseKey = input.noiseKey
    this.fullHistory = input.fullHistory ?? false
    this.mailbox = new Mailbox({ confirms: input.id !== 0 })
    this.awaitsFirstLogin = input.id !== 0
  }

  get isPhone(): boolean {
    return this.id === 0
  }

  jid(server: UserServer = 's.whatsapp.net'): string {
    return formatJid(this.account.user(server), server, this.id)
  }
}

function remember<T>(set: Set<T>, item: T, limit: number): void {
  if (set.size >= limit) {
    for (const oldest of set) {
      set.delete(oldest)
      break
    }
  }
  set.add(item)
}
