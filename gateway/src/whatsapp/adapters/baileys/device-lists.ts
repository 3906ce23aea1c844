/**
 * Which devices a user has. Baileys asks WhatsApp again whenever this cache forgets, and then also fetches new keys for every device
 * (engine.md §6.2 no. 6), so the lists are kept in the session store too: a restart costs no one-time prekey. `devices` notifications, also those
 * queued while we were away, keep them right; a `phash` in an ack tells that one is stale.
 */
import type { PossiblyExtendedCacheStore } from 'baileys'
import type { SessionStore } from '../../engine.ts'
import type { CacheView } from './shared-cache.ts'

const KIND = 'device-list'
const HOUR_MS = 3_600_000
const WEEK_MS = 7 * 24 * HOUR_MS

export interface DeviceList {
  /** When WhatsApp told it, ms. */
  at: number
  devices: unknown[]
}

/** The devices of somebody as an answer tells them. */
export interface ToldDevices {
  user: string
  /** The other name of the same person: the LID of a number. */
  alias: string | null
  devices: unknown[]
}

export class DeviceLists implements PossiblyExtendedCacheStore {
  readonly #store: SessionStore
  readonly #cache: CacheView<DeviceList>
  readonly #onStorageFailure: (error: unknown) => void
  /** Per question that is on its way: whose devices were told to have changed meanwhile. */
  readonly #questions = new Set<Set<string>>()

  constructor(store: SessionStore, cache: CacheView<DeviceList>, onStorageFailure: (error: unknown) => void) {
    this.#store = store
    this.#cache = cache
    this.#onStorageFailure = onStorageFailure
  }

  /**
   * Asks, and keeps what the answer tells of devices. It may be older than what was told of a change while it was on its way. `besides` keeps what
   * else it tells, meanwhile: so that both go in one commit.
   */
  async learnFrom<T>(
    ask: () => Promise<T>,
    devicesIn: (answer: T) => readonly ToldDevices[],
    besides: (answer: T) => Promise<void> = async () => {},
  ): Promise<T> {
    const changed = new Set<string>()
    this.#questions.add(changed)
    try {
      const answer = await ask()
      const fresh = devicesIn(answer).filter(({ user, alias }) => !changed.has(user) && !(alias !== null && changed.has(alias)))
      const lists = fresh.map(({ user, devices }) => ({ key: user, value: devices }))
      await Promise.all([besides(answer), lists.length === 0 ? null : this.mset(lists)])
      return answer
    } finally {
      this.#questions.delete(changed)
    }
  }

  /** WhatsApp tells of a change. The list itself is changed by Baileys, which hears it too. */
  changed(users: readonly string[]): void {
    for (const question of this.#questions) for (const user of users) question.add(user)
  }

  /** The list may be stale: it is asked for again, unless that has just been done. */
  doubt(user: string): void {
    const list = this.#cache.get(user)
    if (list !== undefined && Date.now() - list.at < HOUR_MS) return
    // A store that fails has been reported already.
    this.del(user).catch(() => {})
  }

  /** WhatsApp knows this device no more. What it told long ago is asked for again. */
  async gone(user: string, device: number): Promise<void> {
    const list = this.#cache.get(user)
    const left = list === undefined || Date.now() - list.at >= HOUR_MS ? [] : list.devices.filter((one) => numberOf(one) !== device)
    await (left.length === 0 ? this.del(user) : this.set(user, left))
  }

  /** Baileys puts the arrays in and takes them out; only it knows their type. */
  get<T>(user: string): T | Promise<T> | undefined {
    const hot = this.#cache.get(user)
    return hot === undefined ? this.#load<T>(user) : (hot.devices as T)
  }

  /** Of a whole group in one question to the store. */
  async mget<T>(users: string[]): Promise<Record<string, T | undefined>> {
    // Without a prototype it is a table from the start; V8 takes ten milliseconds to make an object of a thousand names step by step.
    const found: Record<string, T | undefined> = Object.create(null)
    const missing: string[] = []
    for (const user of users) {
      const hot = this.#cache.get(user)
      if (hot === undefined) missing.push(user)
      else found[user] = hot.devices as T
    }
    if (missing.length === 0) return found
    const stored = await this.#guarded(() => this.#store.load(KIND, missing))
    for (const [user, bytes] of stored) found[user] = this.#taken<T>(user, bytes)
    return found
  }

  set<T>(user: string, devices: T): Promise<void> {
    return this.mset([{ key: user, value: devices }])
  }

  /** In one commit. */
  async mset<T>(entries: { key: string; value: T }[]): Promise<void> {
    const at = Date.now()
    const lists = entries.map(({ key, value }) => ({ user: key, list: { at, devices: Array.isArray(value) ? value : [] } }))
    for (const { user, list } of lists) this.#cache.set(user, list)
    const put = lists.map(({ user, list }) => ({ kind: KIND, id: user, value: Buffer.from(JSON.stringify(list)) }))
    await this.#guarded(() => this.#store.commit({ put, remove: [] }))
  }

  async del(user: string): Promise<void> {
    this.#cache.delete(user)
    await this.#guarded(() => this.#store.commit({ put: [], remove: [{ kind: KIND, id: user }] }))
  }

  flushAll(): void {
    throw new Error('device lists are dropped one by one')
  }

  async #load<T>(user: string): Promise<T> {
    const bytes = (await this.#guarded(() => this.#store.load(KIND, [user]))).get(user)
    // Baileys reads undefined as "not known".
    return (bytes === undefined ? undefined : this.#taken<T>(user, bytes)) as T
  }

  /** What the store has, if it is not too old. */
  #taken<T>(user: string, bytes: Uint8Array): T | undefined {
    const list: DeviceList = JSON.parse(Buffer.from(bytes).toString())
    if (Date.now() - list.at > WEEK_MS) return undefined
    this.#cache.set(user, list)
    return list.devices as T
  }

  async #guarded<T>(touch: () => Promise<T>): Promise<T> {
    try {
      return await touch()
    } catch (error) {
      this.#onStorageFailure(error)
      throw error
    }
  }
}

/** As Baileys writes one down. */
const numberOf = (device: unknown): number =>
  typeof device === 'object' && device !== null && 'device' in device && typeof device.device === 'number' ? device.device : 0
