/**
 * An account's app state as WhatsApp keeps it, and a phone that writes there, both made of the library's own functions: whatever ours seals
 * the library opens here, and the other way round.
 */
import { type BinaryNode, decodePatches, encodeSyncdPatch, type LTHashState, newLTHashState, proto, type WAPatchName } from 'baileys'
import { pino } from 'pino'
import { MemorySessionStore } from '../../../../memory/session-store.ts'
import { AppState, type Written } from '../app-state.ts'
import { PhoneKeys } from '../phone-keys.ts'
import type { CollectionNews } from '../reading.ts'

type KeyData = proto.Message.IAppStateSyncKeyData

const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation
const PAGE = 3

class Collection {
  state: LTHashState = newLTHashState()
  readonly patches: proto.ISyncdPatch[] = []
  readonly records = new Map<string, proto.ISyncdRecord>()

  get version(): number {
    return this.patches.length
  }

  add(patch: proto.ISyncdPatch, state: LTHashState): void {
    this.state = state
    this.patches.push({ ...patch, version: { version: state.version } })
    for (const { operation, record } of patch.mutations ?? []) {
      const key = Buffer.from(record?.index?.blob ?? []).toString('base64')
      if (operation === REMOVE) this.records.delete(key)
      else if (record) this.records.set(key, record)
    }
  }
}

export class PlayedAccount {
  readonly keys = new Map<string, KeyData>()
  keyId = ''
  readonly #collections = new Map<string, Collection>()
  readonly blobs = new Map<string, Uint8Array>()
  /** Single changes are gone: who asks gets a snapshot. */
  folded = false
  /** What is said, stanza by stanza: `read regular@0` or `write regular@3`. */
  readonly asked: string[] = []
  /** To be done before a write is looked at. */
  beforeWrite: (() => Promise<void>) | null = null
  /** Throws what it likes. */
  beforeAnswer: () => void = () => {}
  /** Collections that are refused, with what code. */
  readonly refused = new Map<string, number>()
  /** Changes an answer on its way. */
  onTheWay: (patches: proto.ISyncdPatch[], collection: string) => proto.ISyncdPatch[] = (patches) => patches
  onSnapshot: (snapshot: proto.ISyncdSnapshot) => void = () => {}
  /** The changes of a patch lie on the media host. */
  external = false

  constructor() {
    this.newKey()
  }

  newKey(timestamp = Date.now()): string {
    const id = Buffer.from(`key ${this.keys.size}`).toString('base64')
    this.keys.set(id, proto.Message.AppStateSyncKeyData.create({ keyData: Buffer.alloc(32, this.keys.size + 1), timestamp }))
    this.keyId = id
    return id
  }

  collection(name: string): Collection {
    const collection = this.#collections.get(name) ?? new Collection()
    this.#collections.set(name, collection)
    return collection
  }

  /** The phone writes. */
  async writes(name: WAPatchName, index: string[], value: proto.ISyncActionValue, operation: 'set' | 'remove' = 'set'): Promise<void> {
    const collection = this.collection(name)
    const create = { type: name, index, syncAction: value, apiVersion: 1, operation: operation === 'set' ? SET : REMOVE }
    const { patch, state } = await encodeSyncdPatch(create, this.keyId, collection.state, async (id) => this.keys.get(id))
    collection.add(patch, operation === 'remove' ? withoutIndex(state, patch) : state)
  }

  async request(node: BinaryNode): Promise<BinaryNode> {
    this.beforeAnswer()
    const answers: BinaryNode[] = []
    for (const asked of children(children(node)[0])) answers.push(await this.#answer(asked))
    return { tag: 'iq', attrs: { type: 'result' }, content: [{ tag: 'sync', attrs: {}, content: answers }] }
  }

  download = async (blob: proto.IExternalBlobReference): Promise<Uint8Array> => this.blobs.get(blob.directPath ?? '') ?? new Uint8Array()

  async #answer(asked: BinaryNode): Promise<BinaryNode> {
    const { name = '', version = '0' } = asked.attrs
    const [patch] = children(asked)
    this.asked.push(`${patch === undefined ? 'read' : 'write'} ${name}@${version}`)
    const refusal = this.refused.get(name)
    if (refusal !== undefined) return error(name, refusal)
    if (patch === undefined) return this.#read(name, Number(version), asked.attrs.return_snapshot === 'true')
    await this.beforeWrite?.()
    const collection = this.collection(name)
    if (Number(version) !== collection.version) return error(name, 409)
    const bytes = patch.content as Uint8Array
    const sealed = proto.SyncdPatch.decode(bytes)
    const checked = { ...proto.SyncdPatch.decode(bytes), version: { version: collection.version + 1 } }
    const opened = await decodePatches(
      name as WAPatchName,
      [checked],
      collection.state,
      async (id) => this.keys.get(id),
      {},
      undefined,
      undefined,
      true,
    )
    if (Object.keys(opened.mutationMap).length !== sealed.mutations.length) return error(name, 400)
    collection.add(sealed, opened.state)
    return { tag: 'collection', attrs: { name, type: 'result', version: String(collection.version) } }
  }

  #read(name: string, version: number, fromTheBeginning: boolean): BinaryNode {
    const collection = this.collection(name)
    if (this.folded && version < collection.version) return this.#snapshot(name, collection)
    const from = fromTheBeginning ? 0 : version
    const page = collection.patches.slice(from, from + PAGE)
    const sent = this.onTheWay(page.map(copy), name)
    const attrs = { name, version: String(collection.version), has_more_patches: String(from + page.length < collection.version) }
    const patches = sent.map(
      (patch): BinaryNode => ({ tag: 'patch', attrs: {}, content: proto.SyncdPatch.encode(this.#outside(patch)).finish() }),
    )
    return { tag: 'collection', attrs, content: [{ tag: 'patches', attrs: {}, content: patches }] }
  }

  #snapshot(name: string, collection: Collection): BinaryNode {
    const last = collection.patches.at(-1)
    const snapshot: proto.ISyncdSnapshot = {
      version: { version: collection.version },
      records: [...collection.records.values()],
      mac: last?.snapshotMac,
      keyId: last?.keyId,
    }
    this.onSnapshot(snapshot)
    const content = this.#put(proto.SyncdSnapshot.encode(snapshot).finish())
    return { tag: 'collection', attrs: { name, version: String(collection.version) }, content: [{ tag: 'snapshot', attrs: {}, content }] }
  }

  #outside(patch: proto.ISyncdPatch): proto.ISyncdPatch {
    if (!this.external) return patch
    const reference = this.#put(proto.SyncdMutations.encode({ mutations: patch.mutations ?? [] }).finish())
    return { ...patch, mutations: [], externalMutations: proto.ExternalBlobReference.decode(reference) }
  }

  #put(bytes: Uint8Array): Uint8Array {
    const directPath = `/blob-${this.blobs.size}`
    this.blobs.set(directPath, bytes)
    return proto.ExternalBlobReference.encode({ directPath, mediaKey: Buffer.alloc(32) }).finish()
  }
}

/** The library forgets to forget what is removed. */
const withoutIndex = (state: LTHashState, patch: proto.ISyncdPatch): LTHashState => {
  const indexValueMap = { ...state.indexValueMap }
  for (const { record } of patch.mutations ?? []) delete indexValueMap[Buffer.from(record?.index?.blob ?? []).toString('base64')]
  return { ...state, indexValueMap }
}

const copy = (patch: proto.ISyncdPatch): proto.ISyncdPatch => proto.SyncdPatch.decode(proto.SyncdPatch.encode(patch).finish())

const error = (name: string, code: number): BinaryNode => ({
  tag: 'collection',
  attrs: { name, type: 'error' },
  content: [{ tag: 'error', attrs: { code: String(code), text: 'error' } }],
})

const children = (node: BinaryNode | undefined): BinaryNode[] => (Array.isArray(node?.content) ? node.content : [])

/** One of ours on that account, and all that it told. */
export class PlayedCompanion {
  readonly store: MemorySessionStore
  readonly keys: PhoneKeys
  readonly appState: AppState
  readonly told: CollectionNews[] = []
  readonly log: string[] = []
  readonly askedKeys: string[] = []
  takes = true

  constructor(
    account: PlayedAccount,
    options: { store?: MemorySessionStore; known?: string[]; limits?: ConstructorParameters<typeof AppState>[0]['limits'] } = {},
  ) {
    this.store = options.store ?? new MemorySessionStore()
    const known = new Map((options.known ?? [...account.keys.keys()]).map((id) => [id, account.keys.get(id) ?? {}]))
    this.keys = new PhoneKeys({
      load: async (ids) => new Map(ids.flatMap((id) => (known.has(id) ? [[id, known.get(id) ?? {}] as const] : []))),
      writing: [...known.keys()].at(-1) ?? null,
      ask: async (ids) => void this.askedKeys.push(...ids.map((id) => Buffer.from(id).toString('base64'))),
      onArrival: () => this.appState.opened(),
    })
    this.#known = known
    const logger = pino({ level: 'info' }, { write: (line: string) => void this.log.push(line) })
    this.appState = new AppState({
      store: this.store,
      keys: this.keys,
      request: (node) => account.request(node),
      download: account.download,
      tell: async (news) => {
        this.told.push(...news)
        return this.takes
      },
      logger,
      limits: { keyPatienceMs: 50, retryMs: [1, 1], ...options.limits },
    })
  }

  readonly #known: Map<string, KeyData>

  /** The phone shares a key. */
  async gets(id: string, data: KeyData): Promise<void> {
    if (data.keyData?.length) this.#known.set(id, data)
    await this.keys.stored(id, data)
  }

  /** Resolves when all that was due has been read. */
  async idle(): Promise<void> {
    await this.appState.write('critical_block', async () => []).catch(() => {})
  }

  /** As lines: `regular@3 archive,a=true`. */
  lines(): string[] {
    return this.told.flatMap(({ collection, version, whole, first, changes }) => {
      const how = first ? ' first' : whole ? ' whole' : ''
      return `${collection}@${version}${how} ${changes
        .map(({ operation, index }) => `${operation === 'remove' ? '-' : ''}${index.join(',')}`)
        .sort()
        .join(' ')}`
    })
  }
}

export const change = (...index: string[]): Written => ({
  operation: 'set',
  index,
  value: { archiveChatAction: { archived: true }, timestamp: 1 },
  version: 3,
})
