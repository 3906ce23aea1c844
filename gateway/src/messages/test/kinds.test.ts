/** How each kind reads when it arrives, out of recorded protobuf bytes. */
import { describe, expect, test } from 'vitest'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { outgoingReaction } from '../kinds/reaction.ts'
import { readMessage } from '../kinds/registry.ts'
import { readVcard, writeVcard } from '../kinds/vcard.ts'
import { arrived } from './recorded.ts'

const read = (what: string, message: WireMessage) => {
  const { changes, mediaType, ...said } = readMessage(arrived(what, message))
  expect({ changes, mediaType }).toEqual({ changes: null, mediaType: null })
  return said
}

describe('a location', () => {
  const point = { degreesLatitude: -22.9519004821, degreesLongitude: -43.2105 }
  const place = { latitude: -22.9519004821, longitude: -43.2105, name: null, address: null }
  test.each<[string, WireMessage, string, object]>([
    [
      'with name and address',
      { locationMessage: { ...point, name: 'Viewpoint', address: 'Rio' } },
      '📍 Viewpoint\nRio\nLat: -22.9519, Long: -43.2105',
      { ...place, name: 'Viewpoint', address: 'Rio', isLive: false },
    ],
    ['without', { locationMessage: point }, '📍 Lat: -22.9519, Long: -43.2105', { ...place, isLive: false }],
    [
      'that moves',
      {
        liveLocationMessage: {
          ...point,
          caption: 'On my way',
          accuracyInMeters: 12,
          speedInMps: 3.5,
          degreesClockwiseFromMagneticNorth: 90,
          sequenceNumber: 1_700_000_000_123,
        },
      },
      '📍 On my way\nLat: -22.9519, Long: -43.2105',
      { ...place, name: 'On my way', isLive: true, accuracy: 12, speed: 3.5, heading: 90, sequence: 1_700_000_000_123 },
    ],
    [
      'that moves and says no more',
      { liveLocationMessage: point },
      '📍 Lat: -22.9519, Long: -43.2105',
      { ...place, isLive: true, accuracy: null, speed: null, heading: null, sequence: null },
    ],
  ])('%s', (what, message, content, location) => {
    expect(read(`a location, ${what}`, message)).toEqual({ type: 'location', content, details: { location } })
  })
})

describe('contacts', () => {
  const ana = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ana Prado\nTEL;type=CELL;waid=5521977776666:+55 21 97777-6666\nEND:VCARD'
  test.each<[string, WireMessage, string, object]>([
    [
      'one',
      { contactMessage: { displayName: 'Ana', vcard: ana } },
      'Ana',
      {
        display_name: 'Ana',
        phone_number: '5521977776666',
        vcard: ana,
        contacts: [{ display_name: 'Ana', phone_number: '5521977776666', vcard: ana }],
      },
    ],
    [
      'several',
      { contactsArrayMessage: { displayName: '2 contacts', contacts: [{ vcard: ana }, { displayName: 'Bea', vcard: '' }] } },
      'Ana Prado\nBea',
      {
        display_name: 'Ana Prado',
        phone_number: '5521977776666',
        vcard: ana,
        contacts: [
          { display_name: 'Ana Prado', phone_number: '5521977776666', vcard: ana },
          { display_name: 'Bea', phone_number: null, vcard: '' },
        ],
      },
    ],
    ['none', { contactsArrayMessage: {} }, '', { display_name: '', phone_number: null, vcard: '', contacts: [] }],
  ])('%s', (what, message, content, contact) => {
    expect(read(`contacts, ${what}`, message)).toEqual({ type: 'contact', content, details: { contact } })
  })

  test.each([
    ['item1.TEL:+34 600 111 222\r\nitem1.X-ABLabel:Mobile', { name: '', phone: '34600111222' }],
    ['FN:Long\r\n  name\r\nTEL;TYPE=WORK:1\r\nTEL;waid=2:+2', { name: 'Long name', phone: '2' }],
    ['FN;CHARSET=UTF-8:Prado\\, Ana\\; Dr.', { name: 'Prado, Ana; Dr.', phone: null }],
    ['', { name: '', phone: null }],
  ])('out of %j', (vcard, found) => {
    expect(readVcard(vcard)).toEqual(found)
  })

  test('a card says what was asked for and nothing that was smuggled in', () => {
    const name = 'Prado; Ana,\nTEL:666'
    const vcard = writeVcard({
      name,
      phone: '34600111222',
      organization: 'A\\B',
      email: 'a@b.example',
      url: 'https://b.example/\r\nNOTE:x',
    })
    expect(vcard.split('\n')).toEqual([
      'BEGIN:VCARD',
      'VERSION:3.0',
      'N:;Prado\\; Ana\\, TEL:666;;;',
      'FN:Prado\\; Ana\\, TEL:666',
      'ORG:A\\\\B',
      'TEL;type=CELL;type=VOICE;waid=34600111222:+34600111222',
      'EMAIL;type=INTERNET:a@b.example',
      'URL:https://b.example/ NOTE:x',
      'END:VCARD',
    ])
    expect(readVcard(vcard)).toEqual({ name: 'Prado; Ana, TEL:666', phone: '34600111222' })
  })
})

describe('a reaction', () => {
  const key = { remoteJid: '34600111222@s.whatsapp.net', fromMe: true, id: 'A' }
  const said = (emoji: string) => ({
    type: 'reaction',
    content: emoji,
    about: 'A',
    details: { reaction: { emoji, text: emoji, messageId: 'A', message_id: 'A' } },
  })
  test.each<[string, WireMessage, object]>([
    ['given', { reactionMessage: { key, text: '🔥', senderTimestampMs: 1 } }, said('🔥')],
    ['taken back', { reactionMessage: { key, text: '' } }, said('')],
    ['taken back without a word', { reactionMessage: { key } }, said('')],
    ['to nothing', { reactionMessage: { text: '🔥' } }, { type: 'unknown', content: '' }],
  ])('%s', (what, message, expected) => {
    expect(read(`a reaction, ${what}`, message)).toEqual(expected)
  })

  test.each(['👍', '❤', '❤️', '👩🏽‍🚀', '🇧🇷', '1️⃣', ' 🔥 ', 'remove', 'REMOVE', ''])('may be %j', (reaction) => {
    expect(() => outgoingReaction.check({ messageId: 'A', reaction })).not.toThrow()
  })
  test.each(['👍👍', 'ok', 'a', '1', '<3', '👍!'])('may not be %j', (reaction) => {
    expect(() => outgoingReaction.check({ messageId: 'A', reaction })).toThrow('Reaction must be one emoji')
  })
})
