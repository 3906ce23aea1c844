/**
 * Which devices a user has. Baileys asks WhatsApp again whenever this cache forgets, and then also fetches new keys for every device
 * (engine.md §6.2 no. 6), so the lists are kept in the session store too: a restart costs no one-time prekey. `devices` notifications, also those
 * queued while we were away, keep them right; a `phash` in an ack tells that one is stale.
 */
import type { CacheStore } from 'baileys'
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

export class DeviceLists implements CacheStore {
  readonly #store: SessionStore
  readonly #cache: CacheView<DeviceList>
  readonly #onStorageFailure: (error: unknown) => void

  constructor(store: SessionStore, cache: CacheView<DeviceList>, onStorageFailure: (error: unknown) => void) {
    this.#store = store
    this.#cache = cache
    this.#onStorageFailure = onStorageFailure
  }

  /** The list may be stale: it is asked for again, unless that has just been done. */
  doubt(user: string): void {
    const list = this.#cache.get(user)
    if (list !== undefined && Date.now() - list.at < HOUR_MS) return
    // A store that fails has been reported already.
    this.del(user).catch(() => {})
  }

  /** Baileys puts the arrays in and takes them out; only it knows their type. */
  get<T>(user: string): T | Promise<T> | undefined {
    const hot = this.#cache.get(user)
    return hot === undefined ? this.#load<T>(user) : (hot.devices as T)
  }

  async set<T>(user: string, devices: T): Promise<void> {
    const list: DeviceList = { at: Date.now(), devices: Array.isArray(devices) ? devices : [] }
    this.#cache.set(user, list)
    await this.#guarded(() => this.#store.commit({ put: [{ kind: KIND, id: user, value: Buffer.from(JSON.stringify(list)) }], remove: [] }))
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
    const list: DeviceList | null = bytes === undefined ? null : JSON.parse(Buffer.from(bytes).toString())
    // Baileys reads undefined as "not known".
    if (list === null || Date.now() - list.at > WEEK_MS) return undefined as T
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
