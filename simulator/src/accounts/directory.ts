/** All accounts of the network, found by number or by LID. */
import { parseJid, type UserServer } from '../jid.ts'
import type { Seed } from '../seed.ts'
import { Account, type Device } from './account.ts'

export class DirectoryError extends Error {}

const MAX_ACCOUNTS = 50_000
const LID_DIGITS = 15

/** An address together with whom it means and how it was written: answers use the same way of addressing. */
export interface Addressee {
  account: Account
  server: UserServer
  /** Undefined when the address names the user. */
  deviceId: number | undefined
}

export class Directory {
  readonly #seed: Seed
  readonly #byNumber = new Map<string, Account>()
  readonly #byLid = new Map<string, Account>()

  constructor(seed: Seed) {
    this.#seed = seed
  }

  get size(): number {
    return this.#byNumber.size
  }

  accounts(): IterableIterator<Account> {
    return this.#byNumber.values()
  }

  /** Throws {@link DirectoryError} when the number is taken or the network is full. */
  create(input: { number: string; name: string; business: boolean; createdAt: number }): Account {
    if (this.#byNumber.has(input.number)) throw new DirectoryError(`${input.number} exists already`)
    if (this.#byNumber.size >= MAX_ACCOUNTS) throw new DirectoryError('the network is full')
    const account = new Account({ ...input, lidUser: this.#lidFor(input.number) })
    this.#byNumber.set(account.number, account)
    this.#byLid.set(account.lidUser, account)
    return account
  }

  byNumber(number: string): Account | undefined {
    return this.#byNumber.get(number)
  }

  resolve(jid: string | undefined): Addressee | undefined {
    const parsed = parseJid(jid)
    if (parsed === undefined) return undefined
    if (parsed.server === 'lid') {
      const account = this.#byLid.get(parsed.user)
      return account && { account, server: 'lid', deviceId: parsed.device }
    }
    if (parsed.server !== 's.whatsapp.net' && parsed.server !== 'c.us') return undefined
    const account = this.#byNumber.get(parsed.user)
    return account && { account, server: 's.whatsapp.net', deviceId: parsed.device }
  }

  /** The one device an address means; without a device part that is the phone. */
  device(jid: string | undefined): Device | undefined {
    const addressee = this.resolve(jid)
    return addressee?.account.devices.get(addressee.deviceId ?? 0)
  }

  #lidFor(number: string): string {
    for (let attempt = 0; ; attempt += 1) {
      const value = this.#seed.secret(`lid ${number} ${attempt}`).readBigUInt64BE(0)
      const lid = `1${(value % 10n ** BigInt(LID_DIGITS - 1)).toString().padStart(LID_DIGITS - 1, '0')}`
      if (!this.#byLid.has(lid)) return lid
    }
  }
}
