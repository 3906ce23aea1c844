/** Reading one collection to its end: on from what is known of it, or all of it from the beginning. */
import { type BinaryNode, proto } from 'baileys'
import { EngineError, type SessionStore } from '../../../engine.ts'
import { type CollectionState, Macs, nothingRead, saveState } from './collections.ts'
import { indicesIn, keysIn, openPatch, openSnapshot } from './patches.ts'
import type { PhoneKeys } from './phone-keys.ts'
import { type Change, Damaged, type OpenedRecord } from './records.ts'
import { answerAbout, decoded } from './sync-nodes.ts'

/** What was read, in one piece. */
export interface CollectionNews {
  collection: string
  /** After these changes. */
  version: number
  /** All there is, instead of what changed. */
  whole: boolean
  /** Nothing was known before. */
  first: boolean
  changes: readonly Change[]
}

export interface ReadingParts {
  store: Pick<SessionStore, 'load' | 'commit'>
  keys: PhoneKeys
  download(blob: proto.IExternalBlobReference): Promise<Uint8Array>
  /** Resolves when everybody has taken it; false: it must be told again, so nothing of it counts as read. */
  tell(news: readonly CollectionNews[]): Promise<boolean>
}

/** Somebody could not keep what was told. */
export class NotTaken extends Error {
  override readonly name = 'NotTaken'
}

export class Reading {
  readonly collection: string
  readonly #parts: ReadingParts
  /** Null before it was read to its end. */
  readonly #known: CollectionState | null
  #state: CollectionState
  /** Of a whole reading: by index MAC, what stands there. Nothing of it is told before its end. */
  #all: Map<string, OpenedRecord> | null
  #macs: Macs

  /** `from` whole: what is known is only what it will be compared with. */
  constructor(parts: ReadingParts, collection: string, known: CollectionState | null, from: 'known' | 'whole') {
    this.#parts = parts
    this.collection = collection
    this.#known = known
    const on = from === 'known' && known !== null
    this.#state = on ? known : nothingRead()
    this.#all = on ? null : new Map()
    this.#macs = new Macs(parts.store, collection, on ? 'stored' : 'whole')
  }

  get whole(): boolean {
    return this.#all !== null
  }

  get wanted(): { name: string; version: number | null } {
    const begins = this.#all !== null && this.#state.version === 0
    return { name: this.collection, version: begins ? null : this.#state.version }
  }

  /**
   * True: there is more to ask for. What is right up to something that is not counts as read. Throws Damaged, MissingKey, NotTaken, and
   * {@link EngineError} when WhatsApp refuses or a blob cannot be had.
   */
  async take(answer: BinaryNode): Promise<boolean> {
    const about = answerAbout(this.collection, answer)
    if (about === null) throw new EngineError('rejected', `WhatsApp says nothing of ${this.collection}`)
    if (about.refusal !== null) throw new EngineError('rejected', `WhatsApp refused to tell of ${this.collection}`, about.refusal)
    if (about.snapshot !== null) await this.#restart(about.snapshot)
    if (this.#all !== null) {
      for (const patch of about.patches) for (const change of (await this.#open(patch)) ?? []) this.#put(change)
      if (!about.more) await this.#keep([...this.#all.values()])
    } else await this.#follow(about.patches)
    return about.more
  }

  /** Also when we have asked to go on: WhatsApp does not keep single changes for ever. */
  async #restart(blob: proto.IExternalBlobReference): Promise<void> {
    const bytes = await this.#parts.download(blob)
    const snapshot = decoded(() => proto.SyncdSnapshot.decode(bytes))
    const macs = new Macs(this.#parts.store, this.collection, 'whole')
    const { state, records } = await openSnapshot(this.collection, snapshot, macs, await this.#parts.keys.ring(keysIn(snapshot)))
    this.#state = state
    this.#macs = macs
    this.#all = new Map()
    for (const record of records) this.#put(record)
  }

  async #follow(patches: readonly proto.ISyncdPatch[]): Promise<void> {
    const news: CollectionNews[] = []
    let broken: { by: unknown } | null = null
    for (const patch of patches) {
      try {
        const changes = await this.#open(patch)
        if (changes !== null) news.push(this.#news(changes))
      } catch (error) {
        broken = { by: error }
        break
      }
    }
    if (news.length > 0) {
      if (!(await this.#parts.tell(news))) throw new NotTaken()
      await saveState(this.#parts.store, this.collection, this.#state, this.#macs)
      this.#macs = new Macs(this.#parts.store, this.collection, 'stored')
    }
    if (broken !== null) throw broken.by
  }

  /** Null: it is known already. */
  async #open(patch: proto.ISyncdPatch): Promise<OpenedRecord[] | null> {
    const next = this.#state.version + 1
    const version = Number(patch.version?.version ?? next)
    if (version < next) return null
    if (version > next) throw new Damaged('a patch is missing')
    if (patch.externalMutations) {
      const bytes = await this.#parts.download(patch.externalMutations)
      patch.mutations = [...(patch.mutations ?? []), ...decoded(() => proto.SyncdMutations.decode(bytes)).mutations]
    }
    await this.#macs.load(indicesIn(patch))
    const base = { collection: this.collection, state: this.#state, macs: this.#macs }
    const { state, changes } = await openPatch(base, patch, await this.#parts.keys.ring(keysIn(patch)))
    this.#state = state
    return changes
  }

  #put(record: OpenedRecord): void {
    const key = Buffer.from(record.indexMac).toString('base64')
    if (record.operation === 'remove') this.#all?.delete(key)
    else this.#all?.set(key, record)
  }

  async #keep(all: readonly OpenedRecord[]): Promise<void> {
    if (!(await this.#parts.tell([this.#news(all)]))) throw new NotTaken()
    await saveState(this.#parts.store, this.collection, this.#state, this.#macs)
  }

  #news(changes: readonly OpenedRecord[]): CollectionNews {
    const { collection, whole } = this
    return { collection, version: this.#state.version, whole, first: whole && this.#known === null, changes }
  }
}
