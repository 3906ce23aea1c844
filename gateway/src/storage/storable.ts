/** What a column can hold. The drivers would turn other values into JSON, text or an error, each in its own way. */
export type StorableValue = null | string | number | bigint | Uint8Array

/** Throws a `TypeError` for anything else: booleans are 0/1 here, and objects somebody's JSON. */
export const storable = (value: unknown): StorableValue => {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value
  if (value instanceof Uint8Array) return value
  throw new TypeError(`A value of type ${typeof value} cannot be stored`)
}
