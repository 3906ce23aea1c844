import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { openOperation } from '../operation.ts'
import { openHarness } from './harness.ts'

/** What a client gets when a handler answers `value` under `schema`. */
const sent = async (schema: z.ZodType, value: unknown) => {
  const { call } = await openHarness({
    operations: [
      openOperation({
        id: 'sample',
        method: 'GET',
        path: '/sample',
        token: 'none',
        rateLimit: 'none',
        tag: 'Sample',
        summary: 'Sample',
        answers: { 200: schema },
        errors: [],
        handle: async () => ({ status: 200, body: value }),
      }),
    ],
  })
  const answer = await call('GET', '/sample')
  expect(answer.status).toBe(200)
  return answer.body
}

const address = z.object({ jid: z.string().nullable(), lid: z.string().nullable() })

describe('An answer', () => {
  it.each<[kind: string, schema: z.ZodType, value: unknown, expected: unknown]>([
    ['fields that are not in the schema stay here', z.object({ a: z.string() }), { a: 'x', secret: 'y' }, { a: 'x' }],
    ['nested ones too', z.object({ a: z.array(address) }), { a: [{ jid: 'j', lid: null, key: 1 }] }, { a: [{ jid: 'j', lid: null }] }],
    ['null where it may be', z.object({ a: z.string().nullable(), b: z.number().nullable() }), { a: null, b: null }, { a: null, b: null }],
    ['null objects', z.object({ a: address.nullable() }), { a: null }, { a: null }],
    ['objects that may be null', z.object({ a: address.nullable() }), { a: { jid: 'j', lid: 'l', x: 1 } }, { a: { jid: 'j', lid: 'l' } }],
    ['null arrays', z.object({ a: z.array(z.string()).nullable() }), { a: null }, { a: null }],
    ['null booleans', z.object({ a: z.boolean().nullable() }), { a: null }, { a: null }],
    ['null enums', z.object({ a: z.enum(['x']).nullable() }), { a: null }, { a: null }],
    ['nullish', z.object({ a: z.string().nullish(), b: z.string().nullish() }), { a: null }, { a: null }],
    ['absent optional fields', z.object({ a: z.string(), b: z.string().optional() }), { a: 'x', b: undefined }, { a: 'x' }],
    ['absent required fields do not turn it into an error', z.object({ a: z.string(), b: z.string() }), { a: 'x' }, { a: 'x' }],
    ['numbers keep their fraction', z.object({ a: z.number(), b: z.int() }), { a: 1.25, b: 1.5 }, { a: 1.25, b: 1.5 }],
    ['records', z.object({ a: z.record(z.string(), z.string()) }), { a: { x: '1', y: '2' } }, { a: { x: '1', y: '2' } }],
    ['records of objects', z.record(z.string(), address), { x: { jid: 'j', lid: null, z: 1 } }, { x: { jid: 'j', lid: null } }],
    ['records of anything', z.record(z.string(), z.unknown()), { x: { y: [1, null] } }, { x: { y: [1, null] } }],
    ['anything', z.object({ a: z.unknown() }), { a: { deep: [1, 'x', null] } }, { a: { deep: [1, 'x', null] } }],
    ['loose objects', z.looseObject({ a: z.string() }), { a: 'x', b: { c: 1 } }, { a: 'x', b: { c: 1 } }],
    ['literals', z.object({ a: z.literal(true), b: z.literal('sent') }), { a: true, b: 'sent' }, { a: true, b: 'sent' }],
    ['unions', z.object({ a: z.union([z.string(), z.number()]) }), { a: 5 }, { a: 5 }],
    ['unions with null', z.object({ a: z.union([z.string(), z.number(), z.null()]) }), { a: null }, { a: null }],
    ['string or list', z.object({ a: z.union([z.string(), z.array(z.string())]) }), { a: ['x'] }, { a: ['x'] }],
    [
      'discriminated unions',
      z.array(
        z.discriminatedUnion('kind', [
          z.object({ kind: z.literal('a'), one: z.string() }),
          z.object({ kind: z.literal('b'), two: z.number() }),
        ]),
      ),
      [
        { kind: 'b', two: 2, one: 'x' },
        { kind: 'a', one: 'x' },
      ],
      [
        { kind: 'b', two: 2 },
        { kind: 'a', one: 'x' },
      ],
    ],
    ['text that needs escaping', z.object({ a: z.string() }), { a: '"\\\u2028\u0000é😀' }, { a: '"\\\u2028\u0000é😀' }],
    ['timestamps', z.object({ a: z.iso.datetime() }), { a: '2026-01-01T10:00:00.000Z' }, { a: '2026-01-01T10:00:00.000Z' }],
    ['constraints are not checked on the way out', z.object({ a: z.string().max(1).regex(/x/) }), { a: 'long' }, { a: 'long' }],
    ['tuples', z.object({ a: z.tuple([z.string(), z.number()]) }), { a: ['x', 1] }, { a: ['x', 1] }],
    ['intersections', z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })), { a: 'x', b: 1 }, { a: 'x', b: 1 }],
    ['defaults', z.object({ a: z.string().default('x') }), { a: 'y' }, { a: 'y' }],
  ])('%s', async (_kind, schema, value, expected) => {
    expect(await sent(schema, value)).toEqual(expected)
  })
})
