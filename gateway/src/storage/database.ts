/** The one door to the data, the same for SQLite and PostgreSQL. */
import type { Kysely, Transaction } from 'kysely'
import type { Schema } from './schema.ts'

export type Reader = Kysely<Schema>
export type Writer = Transaction<Schema>

export interface Database {
  readonly kind: 'sqlite' | 'postgres'
  /** Committed state. */
  readonly read: Reader
  /**
   * Runs `work` in a transaction and resolves after it is durable. No other write is seen in the middle of it: on SQLite they run one
   * after the other, all writes of one event-loop turn sharing one commit, each in a savepoint of its own (one that throws takes nothing
   * of the others with it); on PostgreSQL they are serialisable, and repeated when they collide. So `work` must await nothing but queries
   * on its writer, must not call `write` again, and may run more than once. Throws what `work` throws, or `StoreOverloadedError`.
   */
  write<T>(work: (tx: Writer) => Promise<T>): Promise<T>
  /** Throws when the store cannot be used. */
  check(): Promise<void>
  close(): Promise<void>
}
