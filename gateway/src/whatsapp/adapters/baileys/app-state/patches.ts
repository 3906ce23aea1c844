/**
 * Patches and snapshots of a collection. They are believed only when every MAC in them is right and the collection is, after them, what whoever
 * wrote them saw: nothing of one that is not is applied, and nothing in it is skipped.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { proto } from 'baileys'
import type { CollectionState, Macs } from './collections.ts'
import type { AppStateKeys } from './keys.ts'
import { hashWith } from './lt-hash.ts'
import { type Change, Damaged, type OpenedRecord, openRecord, patchMacOf, sameBytes, sealRecord, snapshotMacOf } from './records.ts'

/** Throws {@link MissingKey}. */
export type KeyRing = (keyId: Uint8Array) => AppStateKeys

export class MissingKey extends Error {
  override readonly name = 'MissingKey'
  readonly keyId: Uint8Array
  constructor(keyId: Uint8Array) {
    super('a key of the phone is missing')
    this.keyId = keyId
  }
}

export interface Base {
  collection: string
  state: CollectionState
  /** Loaded for every index that is touched. */
  macs: Macs
}

/** Records in a row before other instances get their turn of the event loop. */
const IN_A_ROW = 100

export const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation

/** The ids of all keys that are needed to read it. */
export const keysIn = ({ keyId, mutations, records }: Partial<proto.ISyncdPatch & proto.ISyncdSnapshot>): Uint8Array[] => {
  const ids = [keyId?.id, ...(mutations ?? []).map(({ record }) => record?.keyId?.id), ...(records ?? []).map((record) => record.keyId?.id)]
  const named = ids.flatMap((id) => id ?? [])
  return [...new Map(named.map((id) => [Buffer.from(id).toString('base64'), id])).values()]
}

export const indicesIn = (patch: proto.ISyncdPatch): Uint8Array[] =>
  (patch.mutations ?? []).flatMap(({ record }) => record?.index?.blob ?? [])

/** Moves the MACs along when all of it is right, else leaves them as they are. Throws {@link Damaged}, {@link MissingKey}. */
export const openPatch = async (
  { collection, state, macs }: Base,
  patch: proto.ISyncdPatch,
  keysOf: KeyRing,
): Promise<{ state: CollectionState; changes: OpenedRecord[] }> => {
  const version = state.version + 1
  const { keyId, snapshotMac, patchMac } = patch
  if (!keyId?.id || !snapshotMac || !patchMac) throw new Damaged('a patch is incomplete')
  const keys = keysOf(keyId.id)
  const changes: OpenedRecord[] = []
  for (const { operation, record } of patch.mutations ?? []) {
    if (!record?.keyId?.id) throw new Damaged('a change is incomplete')
    changes.push(openRecord(operation === REMOVE ? 'remove' : 'set', record, keysOf(record.keyId.id)))
    if (changes.length % IN_A_ROW === 0) await nextTurn()
  }
  const { hash, moved } = moveAlong(state.hash, macs, changes)
  const valueMacs = changes.map(({ valueMac }) => valueMac)
  if (!sameBytes(snapshotMac, snapshotMacOf(hash, version, collection, keys))) throw new Damaged('a patch was made for another state')
  if (!sameBytes(patchMac, patchMacOf(snapshotMac, valueMacs, version, collection, keys))) throw new Damaged('the MAC of a patch is wrong')
  for (const { indexMac, valueMac } of moved) macs.set(indexMac, valueMac)
  return { state: { version, hash }, changes }
}

/** Throws {@link Damaged}, {@link MissingKey}. */
export const openSnapshot = async (
  collection: string,
  snapshot: proto.ISyncdSnapshot,
  macs: Macs,
  keysOf: KeyRing,
): Promise<{ state: CollectionState; records: OpenedRecord[] }> => {
  const { keyId, mac } = snapshot
  const version = Number(snapshot.version?.version ?? Number.NaN)
  if (!keyId?.id || !mac || !Number.isSafeInteger(version)) throw new Damaged('a snapshot is incomplete')
  const keys = keysOf(keyId.id)
  const records: OpenedRecord[] = []
  let hash = hashWith(new Uint8Array(128), [], [])
  for (const record of snapshot.records ?? []) {
    if (!record.keyId?.id) throw new Damaged('a record is incomplete')
    const opened = openRecord('set', record, keysOf(record.keyId.id))
    if (macs.get(opened.indexMac) !== undefined) throw new Damaged('a snapshot says something twice')
    macs.set(opened.indexMac, opened.valueMac)
    hash = hashWith(hash, [], [opened.valueMac])
    records.push(opened)
    if (records.length % IN_A_ROW === 0) await nextTurn()
  }
  if (!sameBytes(mac, snapshotMacOf(hash, version, collection, keys))) throw new Damaged('the MAC of a snapshot is wrong')
  return { state: { version, hash }, records }
}

/** Ours: one step on top of `state`. Moves the MACs along. */
export const sealPatch = (
  { collection, state, macs }: Base,
  changes: readonly (Change & { version: number })[],
  keyId: Uint8Array,
  keys: AppStateKeys,
): { state: CollectionState; patch: Uint8Array } => {
  const version = state.version + 1
  const sealed = changes.map((change) => ({ ...change, ...sealRecord(change, keyId, keys) }))
  const { hash, moved } = moveAlong(state.hash, macs, sealed)
  const snapshotMac = snapshotMacOf(hash, version, collection, keys)
  const patch = proto.SyncdPatch.encode({
    mutations: sealed.map(({ operation, record }) => ({ operation: operation === 'set' ? SET : REMOVE, record })),
    snapshotMac,
    patchMac: patchMacOf(
      snapshotMac,
      sealed.map(({ valueMac }) => valueMac),
      version,
      collection,
      keys,
    ),
    keyId: { id: keyId },
  }).finish()
  for (const { indexMac, valueMac } of moved) macs.set(indexMac, valueMac)
  return { state: { version, hash }, patch }
}

interface Step {
  operation: 'set' | 'remove'
  indexMac: Uint8Array
  valueMac: Uint8Array
}

/** One after the other, since two of them may be about the same index. */
const moveAlong = (hash: Uint8Array, macs: Pick<Macs, 'get'>, steps: readonly Step[]) => {
  const moved = new Map<string, { indexMac: Uint8Array; valueMac: Uint8Array | null }>()
  const taken: Uint8Array[] = []
  const added: Uint8Array[] = []
  for (const { operation, indexMac, valueMac } of steps) {
    const key = Buffer.from(indexMac).toString('base64')
    const before = moved.has(key) ? moved.get(key)?.valueMac : macs.get(indexMac)
    // Taking away what is not there leaves the hash as it is, in WhatsApp's clients too; if it should have been there, the hash tells.
    if (before) taken.push(before)
    if (operation === 'set') added.push(valueMac)
    moved.set(key, { indexMac, valueMac: operation === 'set' ? valueMac : null })
  }
  return { hash: hashWith(hash, taken, added), moved: moved.values() }
}
