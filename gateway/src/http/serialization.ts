/**
 * From an answer's zod schema to the function that writes it. That function doesn't check: constraints go, `required` too (a message that
 * has left must not turn into a 500 over an absent field), and "X or null" becomes `nullable`, which costs nothing, where `anyOf` would
 * validate every value.
 */
import { createRequire } from 'node:module'
import type compiler from 'fast-json-stringify'
import { z } from 'zod'

/** Writes values of this schema as JSON, without what is not in it. Compiled when first used: all of them together would take longer than the rest of a start. */
export const jsonWriter = (schema: z.ZodType): ((value: unknown) => string) => {
  let write: ((value: unknown) => string) | undefined
  return (value) => {
    write ??= load()(shape(z.toJSONSchema(schema, { target: 'draft-7', io: 'output', unrepresentable: 'throw' }) as JsonSchema, false))
    return write(value)
  }
}

/** A hundred modules, of which a start needs none. */
const load = (): typeof compiler => createRequire(import.meta.url)('fast-json-stringify')

type JsonSchema = { [key: string]: unknown }

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null && !Array.isArray(value)

/** `choosing`: inside a real union, where `required` and `const` tell the branches apart. */
const shape = (schema: JsonSchema, choosing: boolean): JsonSchema => {
  const nullable = withoutNull(schema)
  if (nullable !== null) return { ...shape(nullable, choosing), nullable: true }
  const result: JsonSchema = {}
  for (const [key, value] of Object.entries(schema)) {
    switch (key) {
      case 'type':
        result[key] = value === 'integer' ? 'number' : value
        break
      case 'properties':
      case 'definitions':
        result[key] = Object.fromEntries(
          Object.entries(value as Record<string, JsonSchema>).map(([name, inner]) => [name, shape(inner, choosing)]),
        )
        break
      case 'additionalProperties':
        // `false` is what the serialiser does anyway; said to a union it would refuse a branch over a field that is just dropped.
        if (isSchema(value)) result[key] = Object.keys(value).length === 0 ? true : shape(value, choosing)
        break
      case 'items':
        result[key] = Array.isArray(value) ? value.map((inner) => shape(inner, choosing)) : isSchema(value) ? shape(value, choosing) : value
        break
      case 'anyOf':
      case 'oneOf':
        result.anyOf = (value as JsonSchema[]).map((inner) => shape(inner, true))
        break
      case 'allOf':
        result[key] = (value as JsonSchema[]).map((inner) => shape(inner, choosing))
        break
      case 'required':
        if (choosing) result[key] = value
        break
      case 'const':
      case 'enum':
        if (choosing) result[key] = value
        else if (schema.type === undefined) Object.assign(result, typeOfConstants(key === 'const' ? [value] : (value as unknown[])))
        break
      case '$ref':
        result[key] = value
        break
    }
  }
  return result
}

/** The other half of "X or null" when X has exactly one shape that can carry `nullable`. */
const withoutNull = (schema: JsonSchema): JsonSchema | null => {
  if (!Array.isArray(schema.anyOf) || schema.anyOf.length !== 2) return null
  const rest = (schema.anyOf as JsonSchema[]).filter((branch) => branch.type !== 'null')
  const [only] = rest
  return rest.length === 1 && only !== undefined && typeof only.type === 'string' ? only : null
}

const typeOfConstants = (constants: readonly unknown[]): JsonSchema => {
  const types = new Set(constants.map((constant) => typeof constant))
  const [type] = types
  return types.size === 1 && (type === 'string' || type === 'number' || type === 'boolean') ? { type } : {}
}
