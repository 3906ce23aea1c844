/**
 * The records Baileys keeps by itself, over the session store. Signal sessions and sender keys are not among them: our repository holds those, and
 * only the deletions Baileys' retry code asks for are passed on to it.
 */
import { BufferJSON, proto, type SignalDataSet, type SignalDataTypeMap, type SignalKeyStore } from 'baileys'
import type { SessionStore, StoreBatch } from '../../engine.ts'
import { guardedBy } from './guarding.ts'
import type { Holders, KeyHolders } from './key-holders.ts'
import type { CacheView } from './shared-cache.ts'

export interface AuthKeysOptions {
  store: SessionStore
  /** Privacy tokens are looked up at every send. */
  tokens: CacheView<unknown>
  /** Who has our sender keys is looked up at every message to a group. */
  holders: KeyHolders
  /** Signal addresses (`user_domain.device`) whose session must go. */
  forgetSessions(addresses: string[]): Promise<void>
  /** New prekeys count in the credentials; both must be stored before the keys are published. */
  flushCredentials(): Promise<void>
  /** The phone has shared a key of app state, which is stored now. */
  onAppStateKey?(id: string, key: SignalDataTypeMap['app-state-sync-key']): Promise<void>
  /** Must close the socket before it returns. */
  onStorageFailure(error: unknown): void
}

type Kind = keyof SignalDataTypeMap

export const createAuthKeys = (options: AuthKeysOptions): SignalKeyStore => {
  const { store, tokens, holders } = options

  const guarded = guardedBy(options.onStorageFailure)

  const get = async <T extends Kind>(kind: T, ids: string[]): Promise<{ [id: string]: SignalDataTypeMap[T] }> => {
    const codec = codecs[kind]
    if (codec === undefined) return {}
    const found: { [id: string]: SignalDataTypeMap[T] } = {}
    const missing: string[] = []
    for (const id of ids) {
      if (kind === 'tctoken' && id === TOKEN_INDEX) continue
      const hot = hotValue(kind, id) as SignalDataTypeMap[T] | null | undefined
      if (hot === undefined) missing.push(id)
      else if (hot !== null) found[id] = hot
    }
    if (missing.length === 0) return found
    const stored = await guarded(() => store.load(kind, missing))
    for (const id of missing) {
      const bytes = stored.get(id)
      if (bytes !== undefined) found[id] = codec.decode(bytes)
      if (kind === 'tctoken') tokens.set(id, found[id] ?? null)
      if (kind === 'sender-key-memory') {
        holders.note(id, (found[id] ?? {}) as Holders)
        found[id] = (holders.get(id) ?? {}) as SignalDataTypeMap[T]
      }
    }
    return found
  }

  const hotValue = (kind: Kind, id: string): unknown =>
    kind === 'tctoken' ? tokens.get(id) : kind === 'sender-key-memory' ? holders.get(id) : undefined

  const set = async (data: SignalDataSet): Promise<void> => {
    const batch: StoreBatch = { put: [], remove: [] }
    const sessions: string[] = []
    for (const kind of kindsOf(data)) {
      for (const [id, value] of Object.entries(data[kind] ?? {})) {
        if (kind === 'session' && value === null) sessions.push(id)
        else if (kind === 'tctoken' && id === TOKEN_INDEX) continue
        else if (kind !== 'sender-key-memory') addTo(batch, kind, id, value)
      }
    }
    const lists = Object.entries(data['sender-key-memory'] ?? {}).map(([id, value]) => ({ id, value, news: value && holders.news(value) }))
    for (const { id, value, news } of lists) if (value === null || news !== null) addTo(batch, 'sender-key-memory', id, news)
    if (batch.put.length > 0 || batch.remove.length > 0) await guarded(() => store.commit(batch))
    for (const [id, value] of Object.entries(data.tctoken ?? {})) tokens.set(id, value)
    for (const { id, value, news } of lists) {
      if (value === null) holders.forget(id)
      else if (news !== null) holders.note(id, news)
    }
    for (const [id, key] of Object.entries(data['app-state-sync-key'] ?? {})) if (key) await options.onAppStateKey?.(id, key)
    if (sessions.length > 0) await options.forgetSessions(sessions)
    if (data['pre-key'] !== undefined) await options.flushCredentials()
  }

  return { get, set }
}

/**
 * Baileys lists every contact with a token in one record to prune old ones once a day; it rewrites that list at each new contact. Tokens are a few
 * bytes and an expired one is dropped when it is next used, so the list is not kept.
 */
const TOKEN_INDEX = '__index'

interface Codec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

const json = <T>(): Codec<T> => ({
  encode: (value) => Buffer.from(JSON.stringify(value, BufferJSON.replacer)),
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString(), BufferJSON.reviver),
})

/** Kinds without a codec are kept elsewhere: reading gives nothing, writing is a wiring mistake. */
const codecs: { [T in Kind]: Codec<SignalDataTypeMap[T]> | undefined } = {
  // private key ‖ public key, 32 bytes each
  'pre-key': {
    encode: (pair) => Buffer.concat([pair.private, pair.public]),
    decode: (bytes) => ({ private: bytes.subarray(0, 32), public: bytes.subarray(32, 64) }),
  },
  'app-state-sync-key': {
    encode: (key) => proto.Message.AppStateSyncKeyData.encode(key).finish(),
    decode: (bytes) => proto.Message.AppStateSyncKeyData.decode(bytes),
  },
  // Only where the library reads app state itself, as in a bench; `app-state/` does it for us.
  'app-state-sync-version': json(),
  'sender-key-memory': json(),
  tctoken: json(),
  session: undefined,
  'sender-key': undefined,
  'identity-key': undefined,
  'lid-mapping': undefined,
  // Kept with the server part by `device-lists.ts`.
  'device-list': undefined,
}

const kindsOf = (data: SignalDataSet): Kind[] => (Object.keys(data) as Kind[]).filter((kind) => kind !== 'device-list')

const addTo = <T extends Kind>(batch: StoreBatch, kind: T, id: string, value: SignalDataTypeMap[T] | null): void => {
  if (value === null || value === undefined) {
    batch.remove.push({ kind, id })
    return
  }
  const codec = codecs[kind]
  if (codec === undefined) throw new Error(`${kind} records do not belong into auth.keys`)
  batch.put.push({ kind, id, value: codec.encode(value) })
}
