/**
 * From foreign JSON to a parsed value, or a 400 that says what is wrong where. A text that a schema carries itself is answered verbatim;
 * only problems without one get a text from here.
 */
import { z } from 'zod'
import { ApiError } from './errors.ts'

/** Text for a field that is missing or null: `z.number(required('Number is required'))`. */
export const required = (text: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined || issue.input === null ? text : undefined),
})

/** A string that is trimmed and must not be blank, with the text for missing, null and blank. */
export const requiredString = (text: string) => z.string(required(text)).trim().min(1, text)

export type Place = 'request body' | 'query'

/** Parses `input` or throws the 400. Fields the schema does not know are dropped. */
export const parse = (schema: z.ZodType, input: unknown, place: Place): unknown => {
  const result = schema.safeParse(input, contexts[place])
  if (result.success) return result.data
  throw new ApiError(400, result.error.issues[0]?.message ?? `Invalid ${place}`)
}

/** Made once: zod asks these for a message only where the schema has none of its own. */
const contexts = Object.fromEntries(
  (['request body', 'query'] as const).map((place) => [
    place,
    { error: (issue: z.core.$ZodRawIssue) => `Invalid ${place}: ${where(issue.path ?? [], place)} ${what(issue)}` },
  ]),
) as Record<Place, { error: (issue: z.core.$ZodRawIssue) => string }>

const where = (path: readonly PropertyKey[], place: Place): string => {
  if (path.length === 0) return place === 'query' ? 'it' : 'the body'
  const text = path.map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index > 0 ? '.' : ''}${String(step)}`)).join('')
  return text.slice(0, 100)
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

const what = (issue: z.core.$ZodRawIssue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`
    case 'too_small':
      return size(issue.origin, 'at least', Number(issue.minimum))
    case 'too_big':
      return size(issue.origin, 'at most', Number(issue.maximum))
    case 'invalid_format':
      return `must be a valid ${issue.format === 'regex' ? 'text of the documented form' : issue.format}`
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    default:
      return 'is not valid'
  }
}

const units: Readonly<Record<string, string>> = { string: 'characters', array: 'entries', set: 'entries', object: 'entries' }

const size = (origin: string, bound: string, limit: number): string => {
  const unit = units[origin]
  return unit === undefined ? `must be ${bound} ${limit}` : `must have ${bound} ${limit} ${unit}`
}
