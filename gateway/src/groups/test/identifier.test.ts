import { describe, expect, it } from 'vitest'
import { parseGroupIdentifier, parseInviteCode } from '../identifier.ts'

const code = 'KxQ7abcDEF012345678901'

describe('a group is named by', () => {
  it.each([
    ['120363000000000101@g.us', '120363000000000101@g.us'],
    [' 120363000000000101@g.us ', '120363000000000101@g.us'],
    ['120363000000000101', '120363000000000101@g.us'],
    ['5511999990000-1500000000@g.us', '5511999990000-1500000000@g.us'],
  ])('JID: %s', (text, jid) => {
    expect(parseGroupIdentifier(text)).toEqual({ kind: 'jid', jid })
  })

  it.each([
    code,
    `https://chat.whatsapp.com/${code}`,
    `http://chat.whatsapp.com/${code}/`,
    `chat.whatsapp.com/${code}`,
    `https://chat.whatsapp.com/invite/${code}`,
    `https://chat.whatsapp.com/${code}?mode=ac_t`,
    `HTTPS://Chat.WhatsApp.com/${code}#x`,
  ])('code: %s', (text) => {
    expect(parseGroupIdentifier(text)).toEqual({ kind: 'code', code })
    expect(parseInviteCode(text)).toBe(code)
  })

  it.each([
    '',
    'abc',
    'no code!',
    `https://example.com/${code}`,
    '5511999990000@s.whatsapp.net',
    '1@lid',
    'x@g.us',
    `https://chat.whatsapp.com/`,
  ])('nothing: %s', (text) => {
    expect(parseGroupIdentifier(text)).toBeNull()
  })

  it('a JID is no invite code', () => {
    expect(parseInviteCode('120363000000000101@g.us')).toBeNull()
  })
})
