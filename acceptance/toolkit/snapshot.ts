/** Everything a gateway has stored, to be compared with itself later. */
import type { StoredData } from './databases.ts'
import { eventually } from './eventually.ts'

/** Table → its rows as text, sorted. */
export type StoredContent = Record<string, string[]>

/** Waits until the search index, which follows in the background, has caught up. */
export const contentOf = async (data: StoredData): Promise<StoredContent> => {
  await eventually('nothing to wait for the search index', async () => (await data.query('select id from search_queue')).length === 0)
  const content: StoredContent = {}
  for (const table of (await data.tables()).toSorted()) {
    const rows = await data.query(`select * from "${table}"`)
    content[table] = rows.map((row) => JSON.stringify(row, bytesAsHex)).toSorted()
  }
  return content
}

/** Sees a Buffer before and after its own `toJSON`; a plain byte array only before. */
const bytesAsHex = (_key: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value === 'bigint') return String(value)
  return value
}
