/** One SQLite connection in the shape Kysely asks for, over Node's own driver. Statements are prepared once and kept. */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import { storable } from '../storable.ts'

export interface SqliteConnection extends DatabaseConnection {
  /** A statement without parameters and rows, such as `begin`. */
  run(sql: string): void
  /** False after an error that made SQLite roll the whole transaction back by itself (disk full, input/output error). */
  readonly inTransaction: boolean
  close(): void
}

/** Whether somebody else has the lock that was needed. */
export const isLocked = (error: unknown): boolean => error instanceof Error && 'errcode' in error && error.errcode === 5

export interface SqliteOptions {
  readOnly: boolean
  /** Run once, in this order. */
  pragmas: string[]
}

/** Milliseconds to wait for a lock, e.g. of somebody's `sqlite3` shell. Short, since the whole process stands still meanwhile. */
const lockTimeout = 50
/** Queries are few, but `in (…)` lists make a new text for every length. */
const maxStatements = 500

interface Prepared {
  statement: StatementSync
  returnsRows: boolean
}

export function connectSqlite(path: string, { readOnly, pragmas }: SqliteOptions): SqliteConnection {
  const database = new DatabaseSync(path, { readOnly, timeout: lockTimeout })
  for (const pragma of pragmas) database.exec(`pragma ${pragma}`)
  const statements = new Map<string, Prepared>()

  const prepare = (sql: string): Prepared => {
    const known = statements.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    const prepared = { statement, returnsRows: statement.columns().length > 0 }
    if (statements.size >= maxStatements) {
      const [oldest] = statements.keys()
      if (oldest !== undefined) statements.delete(oldest)
    }
    statements.set(sql, prepared)
    return prepared
  }

  return {
    async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
      const { statement, returnsRows } = prepare(sql)
      const values = parameters.map(storable)
      if (returnsRows) return { rows: statement.all(...values) as Row[] }
      const { changes, lastInsertRowid } = statement.run(...values)
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
    },
    streamQuery() {
      throw new Error('Read in pages: an open cursor would pin an old snapshot of the database')
    },
    run(sql) {
      prepare(sql).statement.run()
    },
    get inTransaction() {
      return database.isTransaction
    },
    close() {
      statements.clear()
      database.close()
    },
  }
}
