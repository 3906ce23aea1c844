/** Labels on the in-memory network: numbered changes, as app state has them, and the reading and writing of one session. */
import { EngineError, type EngineEvent, type SessionStore } from '../../engine.ts'
import type { LabelChange, LabelSession } from '../../labels.ts'

type Timed = LabelChange & { at: number }

/** What all devices of a person share. */
export class MemoryLabels {
  readonly #steps: Timed[][] = []
  /** Told of every step. */
  onChange: () => void = () => {}

  get version(): number {
    return this.#steps.length
  }

  /** On top of that version only; false when somebody was faster. */
  write(base: number, changes: readonly LabelChange[]): boolean {
    if (base !== this.version) return false
    this.#steps.push(changes.map((change) => ({ ...change, at: Date.now() })))
    this.onChange()
    return true
  }

  since(version: number): readonly (readonly Timed[])[] {
    return this.#steps.slice(version)
  }

  /** What stands there now. */
  all(): Timed[] {
    return [...new Map(this.#steps.flat().map((change) => [keyOf(change), change])).values()]
  }
}

const keyOf = (change: LabelChange): string =>
  JSON.stringify(
    change.kind === 'edit'
      ? [change.kind, change.id]
      : [change.kind, change.labelId, change.named, change.kind === 'message' ? change.messageId : ''],
  )

interface Options {
  /** Throws {@link EngineError} when the session is not open. */
  labels(): MemoryLabels
  store: SessionStore
  report(event: EngineEvent): void
  /** Resolves when everything reported so far has been taken. */
  reported(): Promise<void>
}

const KIND = 'memory-labels'
const ID = 'version'
const ATTEMPTS = 5

export class MemoryLabelReader {
  readonly #options: Options
  #lane: Promise<unknown> = Promise.resolve()

  constructor(options: Options) {
    this.#options = options
  }

  /** Never throws: what was not told comes with the next change. */
  changed(): void {
    void this.#inLane(() => this.#readOn())
  }

  readonly session: LabelSession['labels'] = {
    change: (decide) => this.#inLane(() => this.#write(decide)),
    refresh: () => this.#inLane(() => this.#readAll(false)).then(() => {}),
  }

  #inLane<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#lane.then(work)
    this.#lane = done.catch(() => {})
    return done
  }

  async #write(decide: () => Promise<readonly LabelChange[]>): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const version = await this.#readOn()
      const changes = await decide()
      if (changes.length === 0) return
      if (!this.#options.labels().write(version, changes)) continue
      await this.#readOn()
      return
    }
    throw new EngineError('conflict', 'other devices of the account kept changing the same settings', 409)
  }

  /** Gives the version that was reached. */
  async #readOn(): Promise<number> {
    const labels = this.#options.labels()
    const known = (await this.#options.store.load(KIND, [ID])).get(ID)
    if (known === undefined) return this.#readAll(true)
    let version = Number(Buffer.from(known).toString())
    for (const changes of labels.since(version)) {
      version += 1
      await this.#tell({ version, whole: false, first: false, changes })
    }
    return version
  }

  async #readAll(first: boolean): Promise<number> {
    const labels = this.#options.labels()
    const { version } = labels
    await this.#tell({ version, whole: true, first, changes: labels.all() })
    return version
  }

  async #tell(news: (EngineEvent & { type: 'labels' })['news']): Promise<void> {
    let stored = false
    this.#options.report({
      type: 'labels',
      news,
      stored: () => {
        stored = true
      },
    })
    await this.#options.reported()
    if (!stored) throw new Error('labels were not stored')
    await this.#options.store.commit({ put: [{ kind: KIND, id: ID, value: Buffer.from(String(news.version)) }], remove: [] })
  }
}
