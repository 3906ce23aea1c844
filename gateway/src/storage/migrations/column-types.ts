/** The few places where the two databases spell a table differently. */

export type DatabaseKind = 'sqlite' | 'postgres'

export interface ColumnTypes {
  /** Compared byte by byte, so that both databases sort alike. */
  text: string
  /** Milliseconds since 1970. */
  time: string
  bytes: string
  /** A number the database counts up, as primary key. */
  sequence: string
  /** Ends a table: makes SQLite as strict about types as PostgreSQL. */
  strict: string
  /** Same, and the rows live in the primary key's own tree: one look-up instead of two. For small rows. */
  strictByKey: string
}

export const columnTypes: Record<DatabaseKind, ColumnTypes> = {
  sqlite: {
    text: 'text',
    time: 'integer',
    bytes: 'blob',
    sequence: 'integer primary key autoincrement',
    strict: 'strict',
    strictByKey: 'strict, without rowid',
  },
  postgres: {
    text: 'text collate "C"',
    time: 'bigint',
    bytes: 'bytea',
    sequence: 'bigint generated always as identity primary key',
    strict: '',
    strictByKey: '',
  },
}
