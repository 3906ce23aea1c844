/** Requests nobody wrote by hand: nearly right ones after an operation's own schema, and what has nothing to do with it. */
import fc from 'fast-check'
import type { Json } from './json.ts'
import type { DescribedOperation, Schema } from './operations.ts'

/** A request, still without the names of things that exist: `own` stands for the instance or account of whoever sends it. */
export interface JunkRequest {
  /** Per path parameter: null = own; else the raw path segment. */
  path: Record<string, string | null>
  /** Raw, with its `?`; may be empty. */
  query: string
  /** Raw; null = none. */
  body: string | null
}

/** Values that fields of this name have among others, e.g. a number that exists. */
export type Known = Readonly<Record<string, readonly Json[]>>

export const junkRequest = ({ path, query, body }: DescribedOperation, known: Known = {}): fc.Arbitrary<JunkRequest> => {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  return fc.record({
    path: fc.record(Object.fromEntries(names.map((name) => [name, segment]))),
    query: fc.oneof(
      { weight: 3, arbitrary: queryAfter(query, known) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('', '?', '?%', '?%00=%00', '?__proto__=1&constructor=2', '?a[b]=c', '?=&&&', '?%ed%a0%80=%c0%af'),
      },
    ),
    body:
      body === null
        ? fc.constant(null)
        : fc.oneof(
            { weight: 5, arbitrary: mutated(after(body, known)).map(written) },
            { weight: 2, arbitrary: after(body, known).map(written) },
            { weight: 2, arbitrary: fc.oneof(nasty, fc.jsonValue() as fc.Arbitrary<Json>).map(written) },
            { weight: 1, arbitrary: fc.oneof(fc.string(), fc.constantFrom('{', '[', '{"a":}', '"', '\0', '{}{}', deep)) },
          ),
  })
}

/** Own in four of five: a wrong name ends the request before its body is looked at. */
const segment: fc.Arbitrary<string | null> = fc.oneof(
  { weight: 8, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => encodeURIComponent(text.toWellFormed())) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '%00',
      '%2f',
      '..%2f..',
      '%c0%af',
      '%ff',
      '%',
      '__proto__',
      'constructor',
      '%20',
      ',',
      'a,,b',
      'x'.repeat(900),
    ),
  },
)

const queryAfter = (parameters: DescribedOperation['query'], known: Known): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...parameters.map(({ name, schema }) =>
        fc.option(
          (waits.test(name) ? fit(schema, known, name) : fc.oneof(after(schema, known, name), nasty)).map(
            (value) => [name, value] as const,
          ),
        ),
      ),
    )
    .map((pairs) => {
      const written = pairs.flatMap((pair) =>
        pair === null ? [] : [`${pair[0]}=${encodeURIComponent(textOf(pair[1]).toWellFormed().slice(0, 2000))}`],
      )
      return written.length === 0 ? '' : `?${written.join('&')}`
    })

const textOf = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value))
/** Seconds that are asked for are waited for, up to a minute: none of these. */
const waits = /^(delay|wait)$/

const written = (value: Json): string =>
  JSON.stringify(value, (key, inner: Json) => (waits.test(key) && typeof inner === 'number' ? Math.min(inner, 0) : inner))

const deep = `${'{"a":['.repeat(5_000)}1${']}'.repeat(5_000)}`

/** What has broken programs before. */
const nasty: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(
    ...[null, true, false, '', ' ', '\0', 'a\0b', '\ud83d', '\ufeff', '\u202e', '__proto__', 'x'.repeat(70_000), 'null', '1e3', '%00'],
    ...[0, -0, -1, 1.5, 1e308, 5e-324, 2 ** 53, -(2 ** 63), 4_294_967_296],
    ...['../../etc/passwd', "'; drop table instances; --", '$(reboot)', 'a\r\nX-Evil: 1', '٣', '+0', '@lid', '@s.whatsapp.net'],
    ...[[], {}, [[]], [null], { length: 1e9 }, { toString: 1 }, { constructor: { prototype: {} } }],
    ...[Array.from({ length: 2_000 }, () => 'x'), Array.from({ length: 300 }, (_, index) => ({ index }))],
  ),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
  fc.string({ unit: 'binary' }),
)

/** Nothing that would leave this machine. */
const urls = fc.constantFrom<Json>(
  'http://127.0.0.1:9/x?y=z',
  'https://127.0.0.1:9',
  'http://10.0.0.1/',
  'ftp://127.0.0.1/',
  'http://',
  'x',
  'http://a b/',
  'http://u:p@127.0.0.1:9/#f',
)
const hosts = fc.constantFrom<Json>('127.0.0.1', '::1', 'a b', '', '\0', '127.0.0.1:9')

/** A value that fits the schema, or nearly: what the schema cannot say is not known here. */
const after = (schema: Schema, known: Known, name = ''): fc.Arbitrary<Json> => {
  const fitting = fit(schema, known, name)
  const values = known[name]
  return values === undefined ? fitting : fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...values) }, { weight: 1, arbitrary: fitting })
}

const fit = (schema: Schema, known: Known, name: string): fc.Arbitrary<Json> => {
  if (waits.test(name)) return fc.constantFrom<Json[]>(0, -1, null, 'soon')
  const branches = listOf(schema.anyOf ?? schema.oneOf)
  if (branches.length > 0) return fc.oneof(...branches.map((branch) => after(branch, known, name)))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return fc.constantFrom(...schema.enum)
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type) => fit({ ...schema, type }, known, name)))
  switch (schema.type) {
    case 'object':
      return objectAfter(schema, known)
    case 'array': {
      const items = isSchema(schema.items) ? after(schema.items, known, name) : nasty
      return fc.array(items, { minLength: numberOr(schema.minItems, 0), maxLength: Math.min(numberOr(schema.maxItems, 4), 12) })
    }
    case 'string':
      return stringAfter(schema, name)
    case 'integer':
    case 'number': {
      const [min, max] = [numberOr(schema.minimum, -1000), numberOr(schema.maximum, 1000)]
      return fc.integer({ min: Math.ceil(Math.max(min, -(2 ** 31))), max: Math.floor(Math.min(Math.max(max, min), 2 ** 31 - 1)) })
    }
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return nasty
  }
}

const objectAfter = (schema: Schema, known: Known): fc.Arbitrary<Json> => {
  const properties = Object.entries(isSchema(schema.properties) ? schema.properties : {})
  const required = listOf(schema.required).map(String)
  const model = Object.fromEntries(properties.map(([name, inner]) => [name, isSchema(inner) ? after(inner, known, name) : nasty]))
  return fc.record(model, {
    requiredKeys: properties.map(([name]) => name).filter((name) => required.includes(name)),
  }) as fc.Arbitrary<Json>
}

const stringAfter = (schema: Schema, name: string): fc.Arbitrary<Json> => {
  if (schema.format === 'uri' || /url|endpoint/i.test(name)) return urls
  if (/host/i.test(name)) return hosts
  const [minLength, maxLength] = [numberOr(schema.minLength, 0), Math.min(numberOr(schema.maxLength, 40), 200)]
  const free = fc.string({ minLength, maxLength: Math.max(minLength, maxLength), unit: 'grapheme' })
  if (typeof schema.pattern !== 'string') return free
  try {
    return fc.stringMatching(new RegExp(schema.pattern, 'u'))
  } catch {
    return free
  }
}

/** One place of the value is replaced, dropped, wrapped or given company. */
const mutated = (values: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc
    .tuple(values, fc.nat(), fc.constantFrom<Change[]>('replace', 'drop', 'wrap', 'add'), nasty)
    .map(([value, place, change, junk]) => changed(value, { left: place % (placesIn(value) + 1) }, change, junk))

type Change = 'replace' | 'drop' | 'wrap' | 'add'

const placesIn = (value: Json): number =>
  typeof value === 'object' && value !== null ? Object.values(value).reduce<number>((sum, inner) => sum + 1 + placesIn(inner), 0) : 0

/** Counts down to the place and changes what is there. `fromEntries` makes `__proto__` a field like others. */
const changed = (value: Json, count: { left: number }, change: Change, junk: Json): Json => {
  if (count.left-- === 0) {
    if (change === 'wrap') return [value]
    if (change === 'add' && typeof value === 'object' && value !== null && !Array.isArray(value))
      return Object.fromEntries([...Object.entries(value), ['__proto__', junk], ['constructor', junk], ['unknown', junk]])
    return junk
  }
  if (Array.isArray(value)) return value.map((inner) => changed(inner, count, change, junk))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (count.left === 0 && change === 'drop') {
        count.left--
        return []
      }
      return [[key, changed(inner, count, change, junk)]]
    }),
  )
}

const isSchema = (value: Json | undefined): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: Json | undefined): Schema[] => (Array.isArray(value) ? (value as Schema[]) : [])
const numberOr = (value: Json | undefined, otherwise: number): number => (typeof value === 'number' ? value : otherwise)
