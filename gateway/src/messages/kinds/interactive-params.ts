/** The JSON texts inside native flows. Foreign: whoever wrote the message wrote them. */

export type Params = Readonly<Record<string, unknown>>

/** What a form needs is a few levels; writing thousands out again, as in an event, would overflow the stack. */
const DEEPEST = 32

/** Null when it is no JSON object, or one that nobody but a prankster writes. */
export const readParams = (json: string | null | undefined): Params | null => {
  try {
    const value: unknown = JSON.parse(json ?? '')
    return isParams(value) && isShallow(value, DEEPEST) ? value : null
  } catch {
    return null
  }
}

/** The first of these fields that holds a text; `""` when none does. */
export const textIn = (params: Params | null, ...fields: readonly string[]): string => {
  for (const field of fields) {
    const value = params?.[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return ''
}

/** The objects in a list; empty when there is no list. */
export const listIn = (params: Params | null, field: string): Params[] => {
  const value = params?.[field]
  return Array.isArray(value) ? value.filter(isParams) : []
}

const isParams = (value: unknown): value is Params => typeof value === 'object' && value !== null && !Array.isArray(value)

const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' || value === null || (levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1)))
