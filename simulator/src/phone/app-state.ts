/**
 * App state: settings every device of the account shares as encrypted, versioned patches (archived, pinned, muted, names, labels).
 * The phone makes the keys, reads what its companions upload and writes its own name and what the person does (engine.md §4, §6.2 no. 11).
 */
import {
  ALL_WA_PATCH_NAMES,
  type BinaryNode,
  decodePatches,
  decodeSyncdMutations,
  decodeSyncdSnapshot,
  encodeSyncdPatch,
  extractSyncdPatches,
  type LTHashState,
  newLTHashState,
  proto,
  type WAPatchName,
} from 'baileys'
import { IqError } from '../ports.ts'
import type { RandomBytes } from './device-keys.ts'
import { Lane } from './lane.ts'

const CONFLICT = 409
const KEPT_KEYS = 100
const ATTEMPTS = 3
/** Pages of patches read in a row before a server that always says "more" is given up on. */
const PAGES = 50
const NOTHING = { patches: [], snapshot: undefined, hasMorePatches: false }

export interface AppStateKey {
  id: Uint8Array
  data: proto.Message.IAppStateSyncKeyData
}

/** When the companions get a new key: at once, when they ask for it, or not at all. */
export type KeySharing = 'now' | 'asked' | 'never'

export class AppState {
  /** Made by the phone, shared with each companion; the last one is written with. */
  private readonly keys: (AppStateKey & { sharing: KeySharing })[] = []
  private readonly random: RandomBytes
  private readonly now: () => number
  private readonly query: (iq: BinaryNode) => Promise<BinaryNode>
  private readonly versions = new Map<WAPatchName, LTHashState>()
  private readonly values = new Map<WAPatchName, Map<string, unknown>>()
  private readonly lane = new Lane()
  private writtenName: string | undefined

  constructor(parts: { query: (iq: BinaryNode) => Promise<BinaryNode>; random: RandomBytes; now: () => number }) {
    this.query = parts.query
    this.random = parts.random
    this.now = parts.now
    this.renewKey('now')
  }

  /** From now on the phone writes with another key, as after a device was unlinked. */
  renewKey(sharing: KeySharing): void {
    const data = {
      keyData: this.random(32),
      fingerprint: { rawId: 1, currentIndex: this.keys.length + 1, deviceIndexes: [0] },
      timestamp: this.now() + this.keys.length,
    }
    this.keys.push({ id: this.random(6), data, sharing })
    if (this.keys.length > KEPT_KEYS) this.keys.shift()
  }

  /** What companions are told by themselves: every key, the oldest first. */
  sharedKeys(): proto.Message.IAppStateSyncKey[] {
    return this.keys.flatMap(({ id, data, sharing }) => (sharing === 'now' ? [{ keyId: { keyId: id }, keyData: data }] : []))
  }

  /** Asked for by id: a key this phone does not have is answered without data, as the protocol wants it. */
  askedKeys(ids: readonly proto.Message.IAppStateSyncKeyId[]): proto.Message.IAppStateSyncKey[] {
    return ids.map((keyId) => {
      const key = this.keys.find(({ id }) => Buffer.from(keyId.keyId ?? []).equals(id))
      return { keyId, keyData: key === undefined || key.sharing === 'never' ? undefined : key.data }
    })
  }

  /** By collection, then by index (JSON): the action last set. */
  known(): Record<string, Record<string, unknown>> {
    return Object.fromEntries([...this.values].map(([name, values]) => [name, Object.fromEntries(values)]))
  }

  /** Fetches what is new in a collection; names that are no collection are ignored. */
  refresh(collection: string): Promise<void> {
    const name = ALL_WA_PATCH_NAMES.find((known) => known === collection)
    return name ? this.lane.run(() => this.pull(name)) : Promise.resolve()
  }

  /** Something the person does on the phone; null takes away what stands there. Throws a {@link RangeError} when there is no such collection. */
  write(collection: string, index: string[], action: proto.ISyncActionValue | null): Promise<void> {
    const name = ALL_WA_PATCH_NAMES.find((known) => known === collection)
    if (name === undefined) throw new RangeError(`there is no collection ${collection}`)
    return this.lane.run(() => this.push(name, index, action))
  }

  /** Where a companion finds the account's own name when it links. */
  writeName(name: string): Promise<void> {
    return this.lane.run(async () => {
      if (this.writtenName === name) return
      await this.push('critical_block', ['setting_pushName'], { pushNameSetting: { name } })
      this.writtenName = name
    })
  }

  private async pull(name: WAPatchName): Promise<void> {
    for (let page = 0; page < PAGES; page += 1) {
      const state = this.versions.get(name) ?? newLTHashState()
      const answer = await this.query(syncIq(name, state.version, { snapshot: state.version === 0 }))
      const { patches, snapshot, hasMorePatches } = (await extractSyncdPatches(answer, {}))[name] ?? NOTHING
      let current = state
      const values = this.valuesOf(name)
      if (snapshot) {
        const decoded = await decodeSyncdSnapshot(name, snapshot, this.keyById, undefined, true)
        values.clear()
        for (const { syncAction, index } of Object.values(decoded.mutationMap)) values.set(JSON.stringify(index), shown(syncAction))
        current = decoded.state
      }
      for (const patch of patches) {
        // Read first: decodePatches checks the MACs, but empties the patch and does not tell settings from removals.
        const changes = await this.changesOf(patch)
        const decoded = await decodePatches(name, [patch], current, this.keyById, {}, undefined, undefined, true)
        for (const { index, value } of changes) {
          if (value === undefined) values.delete(index)
          else values.set(index, value)
        }
        current = decoded.state
      }
      this.versions.set(name, current)
      if (!hasMorePatches) return
    }
  }

  private async push(name: WAPatchName, index: string[], action: proto.ISyncActionValue | null): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await this.pull(name)
      const state = this.versions.get(name) ?? newLTHashState()
      const keyId = Buffer.from(this.keys.at(-1)?.id ?? []).toString('base64')
      const syncAction = { ...action, timestamp: Date.now() }
      const operation = proto.SyncdMutation.SyncdOperation[action === null ? 'REMOVE' : 'SET']
      const encoded = await encodeSyncdPatch({ type: name, index, syncAction, apiVersion: 1, operation }, keyId, state, this.keyById)
      const patch = proto.SyncdPatch.encode(encoded.patch).finish()
      try {
        const answer = await this.query(syncIq(name, state.version, { snapshot: false, patch }))
        if (conflicted(answer)) throw new IqError(CONFLICT, 'conflict')
      } catch (error) {
        if (error instanceof IqError && error.code === CONFLICT && attempt < ATTEMPTS) continue
        throw error
      }
      if (action === null) {
        // encodeSyncdPatch notes whatever it wrote as standing there.
        for (const { record } of encoded.patch.mutations ?? []) {
          delete encoded.state.indexValueMap[Buffer.from(record?.index?.blob ?? []).toString('base64')]
        }
        this.valuesOf(name).delete(JSON.stringify(index))
      } else this.valuesOf(name).set(JSON.stringify(index), shown({ value: syncAction }))
      this.versions.set(name, encoded.state)
      return
    }
  }

  /** In order; a removal has no value. */
  private async changesOf(patch: proto.ISyncdPatch): Promise<{ index: string; value: unknown }[]> {
    const changes: { index: string; value: unknown }[] = []
    for (const mutation of patch.mutations ?? []) {
      const removed = mutation.operation === proto.SyncdMutation.SyncdOperation.REMOVE
      const note = ({ syncAction, index }: { syncAction: proto.ISyncActionData; index: string[] }) =>
        changes.push({ index: JSON.stringify(index), value: removed ? undefined : shown(syncAction) })
      await decodeSyncdMutations([mutation], newLTHashState(), this.keyById, note, true)
    }
    return changes
  }

  private valuesOf(name: WAPatchName): Map<string, unknown> {
    const values = this.values.get(name) ?? new Map<string, unknown>()
    this.values.set(name, values)
    return values
  }

  private readonly keyById = async (id: string): Promise<proto.Message.IAppStateSyncKeyData | undefined> =>
    this.keys.find((key) => Buffer.from(key.id).toString('base64') === id)?.data
}

const shown = (action: proto.ISyncActionData): unknown => proto.SyncActionValue.fromObject(action.value ?? {}).toJSON()

function syncIq(name: WAPatchName, version: number, input: { snapshot: boolean; patch?: Uint8Array }): BinaryNode {
  const patch: BinaryNode[] = input.patch ? [{ tag: 'patch', attrs: {}, content: input.patch }] : []
  const collection: BinaryNode = {
    tag: 'collection',
    attrs: { name, version: String(version), return_snapshot: String(input.snapshot) },
    content: patch.length > 0 ? patch : undefined,
  }
  return {
    tag: 'iq',
    attrs: { to: 's.whatsapp.net', type: 'set', xmlns: 'w:sync:app:state' },
    content: [{ tag: 'sync', attrs: {}, content: [collection] }],
  }
}

/** A version clash is told per collection inside a result. */
function conflicted(answer: BinaryNode): boolean {
  const sync = Array.isArray(answer.content) ? answer.content.find(({ tag }) => tag === 'sync') : undefined
  return Array.isArray(sync?.content) && sync.content.some(({ tag, attrs }) => tag === 'collection' && attrs.type === 'error')
}
