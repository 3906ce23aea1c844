/** One device of an account: 0 is the phone, the others are companions. */
import { formatJid, type UserServer } from '../jid.ts'
import type { Account } from './account.ts'
import { KeyBundle } from './key-bundle.ts'
import { Mailbox } from './mailbox.ts'

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
  }) {
    this.account = input.account
    this.id = input.id
    this.keyIndex = input.keyIndex
    this.platform = input.platform
    this.linkedAt = input.linkedAt
    this.noiseKey = input.noiseKey
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
