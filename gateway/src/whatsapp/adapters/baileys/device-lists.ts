/**
 * Which devices a user has. Baileys asks WhatsApp again whenever this cache forgets, and then also fetches new keys for every device
 * (engine.md §6.2 no. 6), so the lists are kept in the session store too: a restart costs no one-time prekey. `devices` notifications, also those
 * queued while we were away, keep them right; a `phash` in an ack tells that one is stale.
 */
import type { CacheStore } from 'baileys'
import type { SessionStore } from '../../engine.ts'
import type { CacheView } from './caches.ts'

const KIND = 'device-list'
const WEEK_MS = 7 * 24 * 3_600_000

interface StoredList {
  at: number
  devices: unknown[]
}

export class DeviceLists implements CacheStore {
  readonly #store: SessionStore
  readonly #cache: CacheView<unknown>
  readonly #onStorageFailure: (error: unknown) => void

  constructor(store: SessionStore, cache: CacheView<unknown>, onStorageFailure: (error: unknown) => void) {
    this.#store = store
    this.#cache = cache
    this.#onStorageFailure = onStorageFailure
  }

  /** Baileys puts the arrays in and takes them out; only it knows their type. */
  get<T>(user: string): T | Promise<T> | undefined {
    const hot = this.#cache.get(user)
    return hot === undefined ? this.#load<T>(user) : (hot as T)
  }

  async set<T>(user: string, devices: T): Promise<void> {
    this.#cache.set(user, devices)
    const list: StoredList = { at: Date.now(), devices: Array.isArray(devices) ? devices : [] }
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
    const list: StoredList | null = bytes === undefined ? null : JSON.parse(Buffer.from(bytes).toString())
    // Baileys reads undefined as "not known".
    if (list === null || Date.now() - list.at > WEEK_MS) return undefined as T
    this.#cache.set(user, list.devices)
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
