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
   * Runs `work` in a transaction and resolves after it is durable. On SQLite all writes of one event-loop turn share one commit, each in
   * a savepoint of its own: one that throws takes nothing of the others with it. `work` must await nothing but queries on its writer
   * and may be run again after a serialisation failure.
   */
  write<T>(work: (tx: Writer) => Promise<T>): Promise<T>
  /** Throws when the store cannot be used. */
  check(): Promise<void>
  close(): Promise<void>
}
