/** Everything a gateway has stored, to be compared with itself later. */
import type { StoredData } from './databases.ts'

/** Table → its rows as text, sorted. */
export type StoredContent = Record<string, string[]>

export const contentOf = async (data: StoredData): Promise<StoredContent> => {
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
