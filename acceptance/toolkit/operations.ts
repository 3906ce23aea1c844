/** The operations of a gateway, as its own OpenAPI document tells them: what is built tomorrow is in here tomorrow. */
import type { Api } from './api.ts'
import { at, type Json } from './json.ts'

/** A JSON schema (draft 2020-12) as far as our documents use it. */
export type Schema = { [key: string]: Json }

export interface DescribedOperation {
  id: string
  tag: string
  method: string
  /** With `:name` for parameters, as the contract writes it. */
  path: string
  socket: boolean
  query: { name: string; required: boolean; schema: Schema }[]
  /** Null: it reads no body. */
  body: Schema | null
  /** Names of request headers it says it heeds. */
  headers: string[]
  /** Statuses it says it can answer. */
  responses: number[]
}

export const describedOperations = async (api: Api): Promise<DescribedOperation[]> => {
  const document = (await api.get('/openapi.json')).body
  return entriesOf(at(document, 'paths')).flatMap(([path, methods]) =>
    entriesOf(methods).map(([method, operation]) => ({
      id: String(at(operation, 'operationId')),
      tag: String(at(operation, 'tags.0')),
      method: method.toUpperCase(),
      path: path.replace(/\{(\w+)\}/g, ':$1'),
      socket: at(operation, 'responses.101') !== undefined,
      query: listOf(at(operation, 'parameters'))
        .filter((parameter) => at(parameter, 'in') === 'query')
        .map((parameter) => ({
          name: String(at(parameter, 'name')),
          required: at(parameter, 'required') === true,
          schema: schemaOf(at(parameter, 'schema')),
        })),
      headers: listOf(at(operation, 'parameters'))
        .filter((parameter) => at(parameter, 'in') === 'header')
        .map((parameter) => String(at(parameter, 'name'))),
      body: at(operation, 'requestBody') === undefined ? null : schemaOf(jsonContent(at(operation, 'requestBody'))),
      responses: entriesOf(at(operation, 'responses')).map(([status]) => Number(status)),
    })),
  )
}

/** What the schema gives as an example, or names first; of an object its fields that have one. Undefined: it gives none. */
export const exampleOf = (schema: Json | undefined): Json | undefined => {
  const given = at(schema, 'example') ?? at(schema, 'enum.0')
  if (given !== undefined) return given
  const fields = entriesOf(at(schema, 'properties')).flatMap(([name, field]) => {
    const example = exampleOf(field)
    return example === undefined ? [] : [[name, example] as const]
  })
  return fields.length === 0 ? undefined : Object.fromEntries(fields)
}

/** A media type holds dots and slashes, which `at` takes for steps. */
const jsonContent = (body: Json | undefined): Json | undefined => {
  const media = entriesOf(at(body, 'content')).find(([type]) => type === 'application/json')?.[1]
  return at(media, 'schema')
}

const entriesOf = (value: Json | undefined): [string, Json][] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
const listOf = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : [])
const schemaOf = (value: Json | undefined): Schema => (typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {})
