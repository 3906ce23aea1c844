/**
 * The session's writes, one batch after the other. While one is being stored, what comes next gathers into a single batch, so twenty messages
 * to one person cost a write or two and not twenty. Nobody waits here: operations go on with the new state at once, and the wire gate lets no
 * frame out before everything it rests on is stored.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { milestones } from '../../../../runtime/milestones.ts'
import type { InboxRow, SessionStore, StoreBatch } from '../../../engine.ts'

export interface CommitsOptions {
  store: SessionStore
  /** Rows whose commit is durable, in the order they came. */
  onRows(rows: readonly InboxRow[]): void
  /** Rows that tell of history are durable. */
  onHistory(): void
  /** The store failed: nothing after the last durable commit may be told to anybody. Called once. */
  onFailure(error: unknown): void
}

interface Gathered {
  put: Map<string, { kind: string; id: string; value: Uint8Array }>
  remove: Map<string, { kind: string; id: string }>
  inbox: Map<string, InboxRow>
  awaited: InboxRow[]
  history: Map<string, InboxRow>
  settle: string[]
  upTo: number
}

export class Commits {
  readonly #options: CommitsOptions
  readonly #listeners = new Set<() => void>()
  /**
   * Where everything runs that follows a commit. Whoever hands one in may be in a transaction of Baileys' key store, which for Baileys is everything
   * that runs on from there: what it was then given to keep, long after that transaction, would be lost.
   */
  readonly #outside = AsyncLocalStorage.snapshot()
  #gathering: Gathered | null = null
  #storing: Gathered | null = null
  #running: Promise<void> | null = null
  #asked = 0
  #durable = 0
  #failed = false

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** Number of the last batch handed in. */
  get asked(): number {
    return this.#asked
  }

  /** Number of the last batch that is stored. */
  get durable(): number {
    return this.#durable
  }

  get failed(): boolean {
    return this.#failed
  }

  /** Later batches replace what earlier ones say about the same record. Throws after a failure. */
  add({ put, remove, inbox = [], awaited = [], history = [], settleInbox = [] }: StoreBatch): void {
    if (this.#failed) throw new Error('the session store failed')
    this.#gathering ??= { put: new Map(), remove: new Map(), inbox: new Map(), awaited: [], history: new Map(), settle: [], upTo: 0 }
    const into = this.#gathering
    for (const record of put) {
      const key = keyOf(record)
      into.put.set(key, record)
      into.remove.delete(key)
    }
    for (const record of remove) {
      const key = keyOf(record)
      into.remove.set(key, record)
      into.put.delete(key)
    }
    for (const row of inbox) into.inbox.set(row.hash, row)
    for (const row of history) into.history.set(row.hash, row)
    into.awaited.push(...awaited)
    into.settle.push(...settleInbox)
    this.#asked += 1
    into.upTo = this.#asked
    this.#running ??= this.#outside(() => this.#run())
  }

  /** What the store will hold once all is written: a value, null for removed, undefined when only the store knows. */
  pending(kind: string, id: string): Uint8Array | null | undefined {
    const key = keyOf({ kind, id })
    for (const batch of [this.#gathering, this.#storing]) {
      const value = batch?.put.get(key)?.value
      if (value !== undefined) return value
      if (batch?.remove.has(key)) return null
    }
    return undefined
  }

  pendingRow(hash: string): InboxRow | null {
    for (const batch of [this.#gathering, this.#storing]) {
      const row = batch?.inbox.get(hash) ?? batch?.history.get(hash)
      if (row !== undefined) return row
    }
    return null
  }

  /** Called after every batch that became durable. */
  whenDurable(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves when nothing waits to be stored, or the store has failed. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running
  }

  async #run(): Promise<void> {
    // One turn of the event loop: both devices of one message, and all messages read from the socket at once, go together.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#gathering !== null) {
      const batch = this.#gathering
      this.#gathering = null
      this.#storing = batch
      try {
        await this.#options.store.commit(batchOf(batch))
      } catch (error) {
        // Still pending for readers: the state in memory is what frames already written rest on.
        this.#failed = true
        this.#running = null
        this.#options.onFailure(error)
        return
      }
      this.#storing = null
      this.#durable = batch.upTo
      if (batch.inbox.size > 0) {
        const rows = [...batch.inbox.values()]
        if (milestones.stored.hasSubscribers) milestones.stored.publish({ ids: rows.map(({ attributes }) => attributes.id) })
        this.#options.onRows(rows)
      }
      if (batch.history.size > 0) this.#options.onHistory()
      for (const listener of this.#listeners) listener()
    }
    this.#running = null
  }
}

const keyOf = ({ kind, id }: { kind: string; id: string }): string => `${kind}/${id}`

const batchOf = ({ put, remove, inbox, awaited, history, settle }: Gathered): StoreBatch => ({
  put: [...put.values()],
  remove: [...remove.values()],
  ...(inbox.size === 0 ? {} : { inbox: [...inbox.values()] }),
  ...(awaited.length === 0 ? {} : { awaited }),
  ...(history.size === 0 ? {} : { history: [...history.values()] }),
  ...(settle.length === 0 ? {} : { settleInbox: settle }),
})
