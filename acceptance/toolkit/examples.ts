/** Requests as the documentation shows them: every field of an operation with its example. */
import type { Json } from './json.ts'
import type { DescribedOperation, Schema } from './operations.ts'

export interface ExampleRequest {
  /** With its `?`; may be empty. */
  query: string
  /** Null: none. */
  body: Json | null
}

/** `known`: what stands in fields of this name in place of the example, e.g. a number that exists; undefined leaves the field out. */
export const exampleRequest = ({ query, body }: DescribedOperation, known: Record<string, Json | undefined>): ExampleRequest => {
  const pairs = query.flatMap(({ name, schema }): [string, string][] => {
    const value = name in known ? known[name] : exampleOf(schema, known)
    return value === undefined ? [] : [[name, typeof value === 'string' ? value : JSON.stringify(value)]]
  })
  return {
    query: pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`,
    body: body === null ? null : (exampleOf(body, known) ?? {}),
  }
}

/** Undefined: the schema shows none. */
const exampleOf = (schema: Schema, known: Record<string, Json | undefined>): Json | undefined => {
  if (schema.example !== undefined) return schema.example
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0]
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.enum)) return schema.enum[0]
  if (isSchema(schema.properties)) {
    const fields = Object.entries(schema.properties).flatMap(([name, inner]): [string, Json][] => {
      const value = name in known ? known[name] : isSchema(inner) ? exampleOf(inner, known) : undefined
      return value === undefined ? [] : [[name, value]]
    })
    return Object.fromEntries(fields)
  }
  const branch = [schema.anyOf, schema.oneOf].flat().find((one) => isSchema(one) && one.type !== 'null')
  return isSchema(branch) ? exampleOf(branch, known) : undefined
}

const isSchema = (value: Json | undefined): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)
