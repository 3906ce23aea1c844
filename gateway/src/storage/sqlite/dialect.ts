/** Kysely on our SQLite connections. Queries run synchronously, so one connection serves any number of callers. */
import {
  DefaultQueryExecutor,
  type Dialect,
  type Driver,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  Transaction,
} from 'kysely'
import type { Reader, Writer } from '../database.ts'
import type { Schema } from '../schema.ts'
import type { SqliteConnection } from './connection.ts'

/** For reading only: a transaction here would make every other reader see its snapshot. */
export const readerOn = (connection: SqliteConnection): Reader =>
  new Kysely<Schema>({
    dialect: dialectWith({
      ...driverOf(connection),
      beginTransaction: () => Promise.reject(new Error('Transactions belong in write()')),
    }),
  })

/** Kysely with transactions on this connection; for migrations, when nobody else uses it. */
export const ownerOf = (connection: SqliteConnection): Kysely<Schema> => new Kysely<Schema>({ dialect: dialectWith(driverOf(connection)) })

/** A writer that works until `end()`: a query somebody forgot to await must not slip into the next caller's savepoint. */
export function writersOn(connection: SqliteConnection): () => { writer: Writer; end: () => void } {
  const dialect = dialectWith(new DummyDriver())
  const shared = { config: { dialect }, dialect, driver: dialect.createDriver() }
  const compiler = dialect.createQueryCompiler()
  const adapter = dialect.createAdapter()
  return () => {
    let ended = false
    const executor = new DefaultQueryExecutor(compiler, adapter, {
      async provideConnection(consumer) {
        if (ended) throw new Error('This write has ended; every query of a write must be awaited inside it')
        return consumer(connection)
      },
    })
    const end = () => {
      ended = true
    }
    return { writer: new Transaction<Schema>({ ...shared, executor }), end }
  }
}

class Adapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
  /** True of SQLite, whatever Kysely thinks; migrations are all or nothing because of it. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

const dialectWith = (driver: Driver): Dialect => ({
  createAdapter: () => new Adapter(),
  createDriver: () => driver,
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
})

const driverOf = (connection: SqliteConnection): Driver => ({
  init: async () => {},
  acquireConnection: async () => connection,
  beginTransaction: async () => connection.run('begin immediate'),
  commitTransaction: async () => connection.run('commit'),
  rollbackTransaction: async () => connection.run('rollback'),
  releaseConnection: async () => {},
  destroy: async () => {},
})
