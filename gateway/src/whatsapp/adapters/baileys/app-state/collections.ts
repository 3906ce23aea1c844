/**
 * What is known of a collection: its version, the hash over it, and under each index the MAC of the value that stands there. The values
 * themselves are told and forgotten. MACs lie in 256 records by their first byte, so that a change writes little whatever a collection holds.
 */
import type { SessionStore, StoreBatch } from '../../../engine.ts'
import { emptyHash, HASH_LENGTH } from './lt-hash.ts'

export interface CollectionState {
  version: number
  hash: Uint8Array
}

export const nothingRead = (): CollectionState => ({ version: 0, hash: emptyHash() })

type Store = Pick<SessionStore, 'load' | 'commit'>
type Records = Pick<StoreBatch, 'put' | 'remove'>

const STATES = 'app-state'
const MACS = 'app-state-macs'
/** Where Baileys kept everything about a collection in one record, before this did. */
const FORMER = 'app-state-sync-version'
const MAC_LENGTH = 32
const GROUPS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Those that were read to their end at least once. */
export const loadStates = async (store: Store, names: readonly string[]): Promise<Map<string, CollectionState>> => {
  const found = await store.load(STATES, names)
  return new Map([...found].map(([name, bytes]) => [name, decodeState(bytes)]))
}

/** In one commit with the MACs it goes with. */
export const saveState = (store: Store, name: string, { version, hash }: CollectionState, macs: Macs): Promise<void> => {
  const value = Buffer.alloc(8 + HASH_LENGTH)
  value.writeBigUInt64BE(BigInt(version))
  value.set(hash, 8)
  const { put, remove } = macs.changes()
  const former = macs.whole ? [{ kind: FORMER, id: name }] : []
  return store.commit({ put: [...put, { kind: STATES, id: name, value }], remove: [...remove, ...former] })
}

const decodeState = (bytes: Uint8Array): CollectionState => {
  const buffer = Buffer.from(bytes)
  return { version: Number(buffer.readBigUInt64BE()), hash: Uint8Array.from(buffer.subarray(8)) }
}

/** A working copy; nothing is stored before {@link saveState}. */
export class Macs {
  readonly #store: Store
  readonly #name: string
  /** By group, then by index MAC. */
  readonly #groups = new Map<string, Map<string, Uint8Array>>()
  readonly #changed = new Set<string>()
  /** A new beginning: what is stored does not count. */
  readonly whole: boolean

  constructor(store: Store, name: string, beginning: 'stored' | 'whole') {
    this.#store = store
    this.#name = name
    this.whole = beginning === 'whole'
  }

  /** To be awaited before these indices are looked at. */
  async load(indexMacs: readonly Uint8Array[]): Promise<void> {
    const missing = [...new Set(indexMacs.map(groupOf))].filter((group) => !this.#groups.has(group))
    if (this.whole || missing.length === 0) return
    const stored = await this.#store.load(
      MACS,
      missing.map((group) => this.#idOf(group)),
    )
    for (const group of missing) this.#groups.set(group, decodeGroup(stored.get(this.#idOf(group)) ?? new Uint8Array(0)))
  }

  get(indexMac: Uint8Array): Uint8Array | undefined {
    return this.#groups.get(groupOf(indexMac))?.get(keyOf(indexMac))
  }

  /** Null: nothing stands there any more. */
  set(indexMac: Uint8Array, valueMac: Uint8Array | null): void {
    const name = groupOf(indexMac)
    const group = this.#groups.get(name) ?? new Map<string, Uint8Array>()
    this.#groups.set(name, group)
    this.#changed.add(name)
    if (valueMac === null) group.delete(keyOf(indexMac))
    else group.set(keyOf(indexMac), valueMac)
  }

  changes(): Records {
    const records: Records = { put: [], remove: [] }
    for (const group of this.whole ? GROUPS : this.#changed) {
      const macs = this.#groups.get(group)
      const id = this.#idOf(group)
      if (macs === undefined || macs.size === 0) records.remove.push({ kind: MACS, id })
      else records.put.push({ kind: MACS, id, value: encodeGroup(macs) })
    }
    return records
  }

  #idOf(group: string): string {
    return `${this.#name}:${group}`
  }
}

const keyOf = (indexMac: Uint8Array): string => Buffer.from(indexMac).toString('base64')
const groupOf = (indexMac: Uint8Array): string => GROUPS[indexMac[0] ?? 0] ?? ''

const encodeGroup = (macs: ReadonlyMap<string, Uint8Array>): Uint8Array =>
  Buffer.concat([...macs].flatMap(([key, valueMac]) => [Buffer.from(key, 'base64'), valueMac]))

const decodeGroup = (bytes: Uint8Array): Map<string, Uint8Array> => {
  const macs = new Map<string, Uint8Array>()
  for (let at = 0; at < bytes.length; at += 2 * MAC_LENGTH) {
    macs.set(keyOf(bytes.subarray(at, at + MAC_LENGTH)), Uint8Array.from(bytes.subarray(at + MAC_LENGTH, at + 2 * MAC_LENGTH)))
  }
  return macs
}
