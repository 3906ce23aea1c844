/** Kysely on our SQLite connections. Queries run synchronously, so one connection serves any number of callers. */
import {
  type CompiledQuery,
  DefaultQueryExecutor,
  type Dialect,
  type DialectAdapter,
  type Driver,
  DummyDriver,
  Kysely,
  type QueryCompiler,
  type QueryResult,
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
    const executor = new WriterExecutor(compiler, adapter, connection)
    return { writer: new Transaction<Schema>({ ...shared, executor }), end: () => executor.end() }
  }
}

/** Straight to the connection: Kysely's own way there, made for pools and plugins, costs more than most of the statements. */
class WriterExecutor extends DefaultQueryExecutor {
  readonly #connection: SqliteConnection
  #ended = false

  constructor(compiler: QueryCompiler, adapter: DialectAdapter, connection: SqliteConnection) {
    super(compiler, adapter, { provideConnection: (consumer) => consumer(connection) })
    this.#connection = connection
  }

  override async executeQuery<Row>(query: CompiledQuery<unknown>): Promise<QueryResult<Row>> {
    if (this.#ended) throw new Error('This write has ended; every query of a write must be awaited inside it')
    return this.#connection.executeQuery(query)
  }

  end(): void {
    this.#ended = true
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
