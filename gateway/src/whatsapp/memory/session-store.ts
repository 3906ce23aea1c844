/** A session store without durability, for tests. `latencyMs` makes every call wait a random time, as a busy database would. */
import type { InboxRow, KnownStanza, SessionStore, StoreBatch } from '../engine.ts'

export class MemorySessionStore implements SessionStore {
  readonly records = new Map<string, Uint8Array>()
  /** Rows nobody has recorded yet. */
  readonly inbox = new Map<string, InboxRow>()
  readonly settled = new Map<string, InboxRow>()
  /** Rows whose content is awaited. */
  readonly awaited = new Map<string, InboxRow>()
  /** Rows that told of history not wholly stored yet. */
  readonly history = new Map<string, InboxRow>()
  credentials: Uint8Array | null = null
  commits = 0
  /** Thrown by the next calls while set. */
  failure: Error | null = null
  latencyMs: number

  constructor(latencyMs = 0) {
    this.latencyMs = latencyMs
  }

  async loadCredentials(): Promise<Uint8Array | null> {
    await this.#wait()
    return this.credentials
  }

  async saveCredentials(bytes: Uint8Array): Promise<void> {
    await this.#wait()
    this.credentials = bytes
  }

  async load(kind: string, ids: readonly string[]): Promise<Map<string, Uint8Array>> {
    await this.#wait()
    const found = new Map<string, Uint8Array>()
    for (const id of ids) {
      const value = this.records.get(`${kind}/${id}`)
      if (value !== undefined) found.set(id, value)
    }
    return found
  }

  async commit(batch: StoreBatch): Promise<void> {
    await this.#wait()
    this.commits += 1
    for (const { kind, id, value } of batch.put) this.records.set(`${kind}/${id}`, Uint8Array.from(value))
    for (const { kind, id } of batch.remove) this.records.delete(`${kind}/${id}`)
    for (const row of batch.inbox ?? []) if (!this.settled.has(row.hash)) this.inbox.set(row.hash, row)
    for (const row of batch.awaited ?? []) if (!this.awaited.has(row.hash) && !this.settled.has(row.hash)) this.awaited.set(row.hash, row)
    for (const row of batch.history ?? []) if (!this.settled.has(row.hash)) this.history.set(row.hash, row)
    for (const hash of batch.settleInbox ?? []) this.settle(hash)
  }

  async findInbox(hash: string): Promise<KnownStanza | null> {
    await this.#wait()
    const open = this.inbox.get(hash) ?? this.history.get(hash)
    if (open !== undefined) return { row: open, recorded: false }
    const row = this.settled.get(hash)
    return row === undefined ? null : { row, recorded: true }
  }

  async loadAwaited(limit: number): Promise<InboxRow[]> {
    await this.#wait()
    return [...this.awaited.values()].reverse().slice(0, limit)
  }

  async nextHistory(after: Pick<InboxRow, 'hash' | 'receivedAt'> | null): Promise<InboxRow | null> {
    await this.#wait()
    const rows = [...this.history.values()].sort(byArrival)
    return rows.find((row) => after === null || byArrival(row, after) > 0) ?? null
  }

  /** A store with what is in this one now; what is still being written here never gets there, as after a crash. */
  survivor(): MemorySessionStore {
    const copy = new MemorySessionStore(this.latencyMs)
    copy.credentials = this.credentials
    for (const [key, value] of this.records) copy.records.set(key, value)
    for (const [key, row] of this.inbox) copy.inbox.set(key, row)
    for (const [key, row] of this.settled) copy.settled.set(key, row)
    for (const [key, row] of this.awaited) copy.awaited.set(key, row)
    for (const [key, row] of this.history) copy.history.set(key, row)
    return copy
  }

  /** What the recorder does in its transaction. */
  settle(hash: string): void {
    const row = this.inbox.get(hash) ?? this.awaited.get(hash) ?? this.history.get(hash)
    if (row === undefined) return
    for (const rows of [this.inbox, this.awaited, this.history]) rows.delete(hash)
    this.settled.set(hash, { ...row, plaintext: new Uint8Array() })
  }

  async clear(): Promise<void> {
    await this.#wait()
    this.credentials = null
    this.records.clear()
  }

  async #wait(): Promise<void> {
    if (this.failure !== null) throw this.failure
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * this.latencyMs))
  }
}

const byArrival = (one: Pick<InboxRow, 'hash' | 'receivedAt'>, other: Pick<InboxRow, 'hash' | 'receivedAt'>): number =>
  one.receivedAt - other.receivedAt || (one.hash < other.hash ? -1 : Number(one.hash > other.hash))
