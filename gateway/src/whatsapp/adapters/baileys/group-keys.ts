/**
 * Our own sender keys of groups. Whoever leaves a group takes our key along and could read what is written with it, so the next message after
 * that is written with a new one, which everybody still there is given. Baileys leaves the old one in use.
 */
import type { SessionStore, StoreBatch } from '../../engine.ts'
import type { GroupNews } from '../../groups.ts'
import type { KeyHolders } from './key-holders.ts'
import type { CacheView } from './shared-cache.ts'
import { addressOf } from './signal/addresses.ts'

export interface GroupKeysOptions {
  store: Pick<SessionStore, 'load' | 'commit'>
  /** Writes of the Signal layer; what is removed here must not be put back by an earlier one. */
  commit(batch: StoreBatch): void
  /** The Signal layer's cache. */
  records: CacheView<Uint8Array>
  /** Who has the keys. */
  holders: KeyHolders
  /** Whether the key of a group is known by somebody who has left. */
  stale: CacheView<boolean>
  /** JIDs of our own device, number and LID. */
  ownDevices(): string[]
}

const STALE = 'sender-key-stale'

export class GroupKeys {
  readonly #options: GroupKeysOptions

  constructor(options: GroupKeysOptions) {
    this.#options = options
  }

  news({ group, changes }: GroupNews): void {
    if (!changes.some(({ type }) => type === 'left')) return
    this.#options.stale.set(group, true)
    this.#options.commit({ put: [{ kind: STALE, id: group, value: Buffer.of(1) }], remove: [] })
  }

  /** To be awaited before each message to the group; one message after the other. */
  async renewIfStale(group: string): Promise<void> {
    const { store, commit, records, holders, stale, ownDevices } = this.#options
    const isStale = stale.get(group) ?? (await store.load(STALE, [group])).has(group)
    stale.set(group, false)
    if (!isStale) return
    // First who has the key, then the key: a crash in between gives the old one out again, which is better than a new one nobody has.
    await store.commit({ put: [], remove: [{ kind: 'sender-key-memory', id: group }] })
    holders.forget(group)
    const ids = ownDevices().map((jid) => `${group}::${addressOf(jid).id}`)
    for (const id of ids) records.delete(`sender-key/${id}`)
    commit({ put: [], remove: [...ids.map((id) => ({ kind: 'sender-key', id })), { kind: STALE, id: group }] })
  }
}
