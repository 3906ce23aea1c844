/**
 * Golden frames. The bytes are written down from the protocol: tags LIST_8=F8, JID_PAIR=FA, HEX_8=FB, BINARY_8=FC, NIBBLE_8=FF, AD_JID=F7,
 * dictionaries EC–EF; tokens by their number in the table. Client library and simulator share the codec, so only these can catch a
 * mistake in it.
 */
import { deflateSync } from 'node:zlib'
import type { BinaryNode } from 'baileys'
import { describe, expect, test } from 'vitest'
import { node } from './nodes.ts'
import { decodeStanza, encodeStanza } from './stanza.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')
const ascii = (text: string) => Buffer.from(text).toString('hex')

/** Numbers in the single-byte token table. */
const T = {
  server: '03',
  type: '04',
  from: '06',
  receipt: '07',
  id: '08',
  user: '0e',
  to: '11',
  message: '13',
  result: '14',
  iq: '19',
  t: '1a',
  group: '1c',
  enc: '1d',
  text: '38',
  ping: '56',
  get: '29',
  xmlns: '16',
  wp: '57',
} as const

const golden: [string, BinaryNode, string][] = [
  [
    'a ping: tokens, a list of one child, a user-less JID',
    node('iq', { to: '@s.whatsapp.net', type: 'get', xmlns: 'w:p', id: 'A-1' }, [node('ping')]),
    // 4 attributes → 2·4 + tag + content = 10. "A-1" is no packable text and no token: raw.
    `00 f80a ${T.iq} ${T.to} fa00${T.server} ${T.type} ${T.get} ${T.xmlns} ${T.wp} ${T.id} fc03${ascii('A-1')} f801 f801 ${T.ping}`,
  ],
  [
    'digits and dashes are packed in nibbles, an odd number of them with F at the end',
    node('iq', { id: '123.45-6', t: '789' }),
    // NIBBLE_8, byte count; '.' is B, '-' is A. The top bit of the count says: the last nibble is padding.
    `00 f805 ${T.iq} ${T.id} ff04 123b45a6 ${T.t} ff82 789f`,
  ],
  ['uppercase hex is packed in nibbles of its own', node('message', { id: '3EB0C0DE' }), `00 f803 ${T.message} ${T.id} fb04 3eb0c0de`],
  [
    'the phone’s address is a JID pair, a companion’s an AD JID with domain and device',
    node('receipt', { from: '5511987654321@s.whatsapp.net', to: '5511987654321:7@s.whatsapp.net' }),
    // AD_JID: domain 0 (numbers), device 7, user packed.
    `00 f805 ${T.receipt} ${T.from} fa ff87 551198765432 1f ${T.server} ${T.to} f7 00 07 ff87 551198765432 1f`,
  ],
  [
    'a LID companion is in domain 1, a group is a JID pair',
    node('message', { from: '100200300400500:12@lid', to: '120363000000000001@g.us' }),
    `00 f805 ${T.message} ${T.from} f7 01 0c ff88 100200300400500f ${T.to} fa ff09 120363000000000001 ${T.group}`,
  ],
  ['content of bytes up to 255 has a one-byte length', node('enc', {}, Buffer.from([0xde, 0xad])), `00 f802 ${T.enc} fc02 dead`],
  [
    'an attribute named by a double-byte token: dictionary 0 holds "retry" at 11 and "active" at 1',
    node('iq', { type: 'retry' }, [node('active')]),
    `00 f804 ${T.iq} ${T.type} ec0b f801 f801 ec01`,
  ],
]

describe('golden frames', () => {
  test.each(golden)('%s', (_name, stanza, bytes) => {
    expect(encodeStanza(stanza).toString('hex')).toBe(hex(bytes).toString('hex'))
    expect(decodeStanza(hex(bytes))).toEqual({ ...stanza, content: stanza.content === undefined ? undefined : expect.anything() })
    expect(encodeStanza(decodeStanza(hex(bytes)))).toEqual(hex(bytes))
  })
})

test('longer bytes have a 20-bit length', () => {
  const bytes = Buffer.alloc(300, 7)
  const encoded = encodeStanza(node('enc', {}, bytes))
  expect(encoded.subarray(0, 8).toString('hex')).toBe(hex(`00 f802 ${T.enc} fd 00012c`).toString('hex'))
  expect(decodeStanza(encoded).content).toEqual(bytes)
})

test('more than 255 children need a two-byte count', () => {
  const encoded = encodeStanza(
    node(
      'iq',
      {},
      Array.from({ length: 256 }, () => node('user')),
    ),
  )
  expect(encoded.subarray(0, 10).toString('hex')).toBe(hex(`00 f802 ${T.iq} f9 0100 f801 ${T.user}`).toString('hex'))
  expect(decodeStanza(encoded).content).toHaveLength(256)
})

test('a compressed stanza is inflated, but not into a bomb', () => {
  const plain = encodeStanza(node('iq', { type: 'result' }))
  expect(decodeStanza(Buffer.concat([Buffer.from([2]), deflateSync(plain.subarray(1))]))).toMatchObject({
    tag: 'iq',
    attrs: { type: 'result' },
  })
  const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
  expect(() => decodeStanza(Buffer.concat([Buffer.from([2]), bomb]))).toThrow()
})

test.each([
  ['nothing', ''],
  ['an empty list', '00 00'],
  ['a list that ends early', '00 f80a 19'],
  ['an unknown tag', '00 f801 f0'],
])('%s is no stanza', (_name, bytes) => {
  expect(() => decodeStanza(hex(bytes))).toThrow()
})

test('attributes that are undefined are left out', () => {
  expect(node('ack', { id: 'X', error: undefined })).toEqual({ tag: 'ack', attrs: { id: 'X' } })
})
