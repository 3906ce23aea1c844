/**
 * App state of one account as the server keeps it: numbered patches per collection, and the newest record per index so that old
 * patches can be folded into a snapshot. Everything inside is sealed with a key the server does not have.
 */
import { proto } from 'baileys'

export const COLLECTIONS = ['critical_block', 'critical_unblock_low', 'regular_high', 'regular_low', 'regular'] as const

export interface StoredPatch {
  version: number
  /** Encoded `SyncdPatch` with its version filled in. */
  bytes: Buffer
}

export interface CollectionAnswer {
  version: number
  patches: StoredPatch[]
  hasMore: boolean
  /** Encoded `SyncdSnapshot`, when patches alone no longer lead from the asked version to now. */
  snapshot: Buffer | undefined
}

export class AppStateConflict extends Error {}

export class AppStateFull extends Error {}

/** Patches kept one by one; older ones live on in the snapshot only. */
const KEPT_PATCHES = 1_000
const PATCHES_PER_ANSWER = 100
/** Where a collection ends: things said about chats, or patches that cannot be folded. */
const MAX_RECORDS = 100_000
const MAX_UNFOLDED = 10_000

export class AppState {
  readonly #collections = new Map<string, Collection>()

  /** Undefined for a name WhatsApp does not have. */
  collection(name: string): Collection | undefined {
    const known = this.#collections.get(name)
    if (known !== undefined) return known
    if (!(COLLECTIONS as readonly string[]).includes(name)) return undefined
    const fresh = new Collection()
    this.#collections.set(name, fresh)
    return fresh
  }

  /** Single changes are forgotten, as the server does with old ones: who asks for them gets a snapshot. */
  fold(): void {
    for (const collection of this.#collections.values()) collection.fold()
  }

  versions(): Record<string, number> {
    return Object.fromEntries(COLLECTIONS.map((name) => [name, this.#collections.get(name)?.version ?? 0]))
  }
}

export class Collection {
  #version = 0
  #patches: StoredPatch[] = []
  readonly #records = new Map<string, proto.ISyncdRecord>()
  #last: { snapshotMac: Uint8Array | null | undefined; keyId: proto.IKeyId | null | undefined } | undefined
  /** A patch that keeps its mutations elsewhere cannot be folded; from then on every patch is kept. */
  #foldable = true

  get version(): number {
    return this.#version
  }

  /** Appends a patch made on top of `base`. Throws {@link AppStateConflict} when somebody else was faster, {@link AppStateFull}. */
  append(base: number, bytes: Uint8Array): number {
    if (base !== this.#version) throw new AppStateConflict(`at version ${this.#version}, not ${base}`)
    if (this.#records.size >= MAX_RECORDS || this.#patches.length >= MAX_UNFOLDED) throw new AppStateFull('the collection is full')
    const patch = proto.SyncdPatch.decode(bytes)
    this.#version += 1
    patch.version = { version: this.#version }
    this.#patches.push({ version: this.#version, bytes: Buffer.from(proto.SyncdPatch.encode(patch).finish()) })
    this.#apply(patch)
    if (this.#foldable && this.#patches.length > KEPT_PATCHES) this.#patches = this.#patches.slice(-KEPT_PATCHES / 2)
    return this.#version
  }

  since(version: number, wantsSnapshot: boolean): CollectionAnswer {
    const oldest = this.#patches[0]?.version ?? this.#version + 1
    if (version < this.#version && version + 1 < oldest) {
      return { version: this.#version, patches: [], hasMore: false, snapshot: this.#snapshot() }
    }
    // Patches all the way from the beginning say the same as a snapshot and need no download.
    const from = wantsSnapshot && oldest === 1 ? 0 : version
    const missing = this.#patches.slice(Math.max(0, from + 1 - oldest))
    const patches = missing.slice(0, PATCHES_PER_ANSWER)
    return {
      version: patches.at(-1)?.version ?? this.#version,
      patches,
      hasMore: patches.length < missing.length,
      snapshot: undefined,
    }
  }

  fold(): void {
    if (this.#foldable) this.#patches = []
  }

  #apply(patch: proto.SyncdPatch): void {
    if (patch.externalMutations) this.#foldable = false
    for (const mutation of patch.mutations ?? []) {
      const index = mutation.record?.index?.blob
      if (!index || !mutation.record) continue
      const key = Buffer.from(index).toString('base64')
      if (mutation.operation === proto.SyncdMutation.SyncdOperation.REMOVE) this.#records.delete(key)
      else this.#records.set(key, mutation.record)
    }
    this.#last = { snapshotMac: patch.snapshotMac, keyId: patch.keyId }
  }

  #snapshot(): Buffer {
    return Buffer.from(
      proto.SyncdSnapshot.encode({
        version: { version: this.#version },
        records: [...this.#records.values()],
        mac: this.#last?.snapshotMac,
        keyId: this.#last?.keyId,
      }).finish(),
    )
  }
}
