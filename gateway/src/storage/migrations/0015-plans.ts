/**
 * What SQLite shall think of the table `identities`. It has counted nothing, and then takes an instance for a handful of people: of several
 * numbers it would rather read through all of the instance than look up each.
 */
import type { ColumnTypes, DatabaseKind } from './column-types.ts'

export const plans = (_: ColumnTypes, kind: DatabaseKind): string[] =>
  kind === 'sqlite'
    ? [
        // Makes the table of statistics.
        'analyze identities',
        `delete from sqlite_stat1 where tbl = 'identities'`,
        // Rows, and how many of them share the first column, and the first two.
        `insert into sqlite_stat1 (tbl, idx, stat) values
          ('identities', 'identities', '1000000 10000 1'), ('identities', 'sqlite_autoindex_identities_2', '1000000 10000 1')`,
        'analyze sqlite_schema',
      ]
    : []
