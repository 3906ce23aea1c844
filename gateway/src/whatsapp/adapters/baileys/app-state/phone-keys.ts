/** The keys of app state: the phone makes them, shares them, and is asked for those that are missing. */
import { proto, type WASocket } from 'baileys'
import type { SessionStore } from '../../../engine.ts'
import { bareJid } from '../../../jid.ts'
import { type AppStateKeys, keysFrom } from './keys.ts'
import { type KeyRing, MissingKey } from './patches.ts'

type KeyData = proto.Message.IAppStateSyncKeyData

export interface PhoneKeysOptions {
  /** Those that are there, by id in base64. */
  load(ids: readonly string[]): Promise<ReadonlyMap<string, KeyData>>
  /** With which to write, as it was stored; null before the phone has shared any. */
  writing: string | null
  /** Asks the phone to share these. */
  ask(ids: Uint8Array[]): Promise<void>
  /** One has come. */
  onArrival(): void
}

/** The phone makes a new one when a device is unlinked; a few are in use at a time. */
const REMEMBERED = 50
/** Asked for in a session, each once. */
const MOST_ASKED = 50

export class PhoneKeys {
  readonly #options: PhoneKeysOptions
  readonly #derived = new Map<string, AppStateKeys>()
  readonly #asked = new Set<string>()
  readonly #waiting = new Set<() => void>()
  #writing: string | null

  constructor(options: PhoneKeysOptions) {
    this.#options = options
    this.#writing = options.writing
  }

  /** Id in base64. */
  get writing(): string | null {
    return this.#writing
  }

  /** Null while the phone has not shared it. */
  async toWrite(): Promise<{ id: Uint8Array; keys: AppStateKeys } | null> {
    if (this.#writing === null) return null
    const id = Buffer.from(this.#writing, 'base64')
    await this.#derive([this.#writing])
    const keys = this.#derived.get(this.#writing)
    return keys === undefined ? null : { id, keys }
  }

  /** To be asked for these keys only. */
  async ring(ids: readonly Uint8Array[]): Promise<KeyRing> {
    await this.#derive(ids.map(nameOf))
    const found = new Map(ids.map((id) => [nameOf(id), this.#derived.get(nameOf(id))]))
    return (id) => {
      const keys = found.get(nameOf(id))
      if (keys === undefined) throw new MissingKey(id)
      return keys
    }
  }

  /** The phone has shared one. Older ones are shared too, when they were asked for: writing goes on with the newest. */
  async stored(id: string, data: KeyData): Promise<void> {
    if (!data.keyData?.length) return
    const current = this.#writing === null ? undefined : (await this.#options.load([this.#writing])).get(this.#writing)
    if (current === undefined || Number(data.timestamp ?? 0) >= Number(current.timestamp ?? 0)) this.#writing = id
    this.#derived.delete(id)
    for (const wake of this.#waiting) wake()
    this.#options.onArrival()
  }

  /** Each is asked for once; when the session comes again, once more. */
  async ask(id: Uint8Array): Promise<void> {
    if (this.#asked.has(nameOf(id)) || this.#asked.size >= MOST_ASKED) return
    this.#asked.add(nameOf(id))
    await this.#options.ask([id])
  }

  /** Resolves when one comes, or the time is up. */
  arrival(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(settle)
        resolve()
      }
      const timer = setTimeout(settle, ms)
      this.#waiting.add(settle)
    })
  }

  /** Nobody waits any more. */
  end(): void {
    for (const wake of this.#waiting) wake()
  }

  async #derive(names: readonly string[]): Promise<void> {
    const missing = [...new Set(names)].filter((name) => !this.#derived.has(name))
    if (missing.length === 0) return
    if (this.#derived.size + missing.length > REMEMBERED) this.#derived.clear()
    for (const [name, data] of await this.#options.load(missing)) {
      if (data.keyData?.length) this.#derived.set(name, keysFrom(data.keyData))
    }
  }
}

const nameOf = (id: Uint8Array): string => Buffer.from(id).toString('base64')

/** As `auth-keys.ts` has stored them. */
export const loadKeys = async (store: Pick<SessionStore, 'load'>, ids: readonly string[]): Promise<Map<string, KeyData>> =>
  new Map([...(await store.load('app-state-sync-key', ids))].map(([id, bytes]) => [id, proto.Message.AppStateSyncKeyData.decode(bytes)]))

/** What a companion writes to its own phone. */
export const keyRequest = async (socket: Pick<WASocket, 'relayMessage' | 'user'>, ids: readonly Uint8Array[]): Promise<void> => {
  const self = bareJid(socket.user?.id ?? '')
  if (self === null) return
  const request = { keyIds: ids.map((keyId) => ({ keyId })) }
  const type = proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_REQUEST
  await socket.relayMessage(
    self,
    { protocolMessage: { type, appStateSyncKeyRequest: request } },
    {
      additionalAttributes: { category: 'peer', push_priority: 'high_force' },
      additionalNodes: [{ tag: 'meta', attrs: { appdata: 'default' } }],
    },
  )
}
