/** Foreign JSON: reading it by path, and asking whether it looks as expected. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** `at(body, 'data.chat.jid')`; undefined when any part of the path is missing. Numbers index lists. */
export const at = (value: Json | undefined, path: string): Json | undefined =>
  path.split('.').reduce<Json | undefined>((here, key) => {
    if (typeof here !== 'object' || here === null) return undefined
    return Array.isArray(here) ? here[Number(key)] : here[key]
  }, value)

/** The string at a path; throws with the whole value when it is none. */
export const text = (value: Json | undefined, path: string): string => {
  const found = at(value, path)
  if (typeof found !== 'string') throw new Error(`no text at ${path} of ${JSON.stringify(value)}`)
  return found
}

/** The list at a path; throws with the whole value when it is none. */
export const list = (value: Json | undefined, path: string): Json[] => {
  const found = at(value, path)
  if (!Array.isArray(found)) throw new Error(`no list at ${path} of ${JSON.stringify(value)}`)
  return found
}

export type Pattern = Json | RegExp | ((value: Json | undefined) => boolean) | Pattern[] | { [key: string]: Pattern | undefined }

/** True when every field of the pattern is found in the value; what the pattern does not name may be anything. */
export const matches = (value: Json | undefined, pattern: Pattern): boolean => {
  if (typeof pattern === 'function') return pattern(value)
  if (pattern instanceof RegExp) return typeof value === 'string' && pattern.test(value)
  if (Array.isArray(pattern))
    return Array.isArray(value) && value.length === pattern.length && pattern.every((inner, index) => matches(value[index], inner))
  if (typeof pattern === 'object' && pattern !== null) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
    return Object.entries(pattern).every(([key, inner]) => inner === undefined || matches(value[key], inner))
  }
  return value === pattern
}
