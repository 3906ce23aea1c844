import { expect, test } from 'vitest'
import { parsePairingQr } from './pairing-qr.ts'

const key = (byte: number) => Buffer.alloc(32, byte)
const keys = [1, 2, 3].map((byte) => key(byte).toString('base64')).join(',')

test.each([
  ['today’s, with its URL and platform', `https://wa.me/settings/linked_devices#2@ref,${keys},1`],
  ['the older one', `2@ref,${keys}`],
])('%s', (_name, text) => {
  expect(parsePairingQr(text)).toEqual({ ref: '2@ref', noiseKey: key(1), identity: key(2), advSecret: key(3) })
})

test.each(['', 'https://example.org', '2@ref', `,${keys}`, '2@ref,AAAA,AAAA,AAAA', `2@ref,${keys.slice(0, -8)}`])('%s is none', (text) => {
  expect(parsePairingQr(text)).toBeUndefined()
})
