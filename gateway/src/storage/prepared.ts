/**
 * Statements of the hot path, compiled once. Kysely builds and compiles a statement anew each time, which costs several times what SQLite
 * needs to run it; here that happens at the first use, and later uses only fill in the values.
 */
import type { Compilable, CompiledQuery, QueryExecutor } from 'kysely'
import type { Reader, Writer } from './database.ts'

export type PreparedStatement<Values extends object, Item, Row> = (
  db: Reader | Writer,
  values: Values,
  items: readonly Item[],
) => Promise<Row[]>

/** Items one statement takes at most. Portions are powers of two, so that there are few texts to keep. */
const LARGEST_PORTION = 64

/**
 * `build` writes the statement for some values and a list of items (rows to insert, members of an `in` list); it runs with stand-ins for
 * both, and must do nothing with them but hand them to Kysely. A longer list runs in portions; gives the rows of all, `[]` for no items.
 * All items have the same columns.
 */
export const prepared = <Values extends object, Item extends object | string, Row>(
  build: (db: Reader, values: Values, items: Item[]) => Compilable<Row>,
): PreparedStatement<Values, Item, Row> => {
  /** By the database's kind, which its adapter stands for, then by portion. */
  const kept = new WeakMap<object, Map<number, CompiledQuery<Row>>>()

  const compiledFor = (db: Reader, { adapter }: QueryExecutor, values: Values, items: readonly Item[]): CompiledQuery<Row> => {
    const portions = kept.get(adapter) ?? new Map<number, CompiledQuery<Row>>()
    kept.set(adapter, portions)
    const known = portions.get(items.length)
    if (known !== undefined) return known
    const compiled = build(db, standInsOf(values, null), items.map(standInOf)).compile()
    portions.set(items.length, compiled)
    return compiled
  }

  return async (db, values, items) => {
    const executor = db.getExecutor()
    const rows: Row[] = []
    for (let start = 0; start < items.length; ) {
      const portion = items.slice(start, start + portionOf(items.length - start))
      start += portion.length
      const compiled = compiledFor(db, executor, values, portion)
      const parameters = compiled.parameters.map((parameter) =>
        parameter instanceof StandIn ? parameter.valueIn(values, portion) : parameter,
      )
      const result = await executor.executeQuery<Row>({ ...compiled, parameters })
      for (const row of result.rows) rows.push(row)
    }
    return rows
  }
}

const portionOf = (left: number): number => Math.min(LARGEST_PORTION, 2 ** (31 - Math.clz32(left)))

/** Takes the place of a value in the compiled statement. */
class StandIn {
  readonly #item: number | null
  readonly #column: string | null

  /** Without an item a column of `values`, without a column the item itself. */
  constructor(item: number | null, column: string | null) {
    this.#item = item
    this.#column = column
  }

  valueIn(values: object, items: readonly (object | string)[]): unknown {
    const from = this.#item === null ? values : items[this.#item]
    return this.#column === null || typeof from !== 'object' ? from : Reflect.get(from, this.#column)
  }
}

const standInsOf = <T extends object>(shape: T, item: number | null): T =>
  Object.fromEntries(Object.keys(shape).map((column) => [column, new StandIn(item, column)])) as T

const standInOf = <Item extends object | string>(shape: Item, index: number): Item =>
  typeof shape === 'object' ? standInsOf(shape, index) : (new StandIn(index, null) as unknown as Item)
