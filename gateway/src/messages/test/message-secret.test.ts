import { describe, expect, it } from 'vitest'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { withSecret } from '../message-secret.ts'

const secretOf = (message: WireMessage, chat = '120363000000000001@g.us') => withSecret(message, chat).messageContextInfo?.messageSecret
const text = { extendedTextMessage: { text: 'hello' } }

describe('A message that others can react to', () => {
  it.each<[string, WireMessage]>([
    ['a text', text],
    ['a picture', { imageMessage: { url: 'https://mmg.whatsapp.net/x' } }],
    ['what can be viewed once', { viewOnceMessageV2: { message: { imageMessage: {} } } }],
    ['a message with something else beside it', { ...text, messageContextInfo: { messageAddOnDurationInSecs: 5 } }],
  ])('%s: gets a secret of its own', (_, message) => {
    const secret = secretOf(message)
    expect(secret).toHaveLength(32)
    expect(secretOf(message)).not.toEqual(secret)
    expect(withSecret(message, '34600111222@s.whatsapp.net')).toMatchObject(message)
  })

  it('keeps the one it has', () => {
    const messageSecret = Buffer.alloc(32, 7)
    expect(secretOf({ ...text, messageContextInfo: { messageSecret } })).toBe(messageSecret)
  })

  it('has none in a channel, where everybody reads everything', () => {
    expect(withSecret(text, '120363000000000301@newsletter')).toBe(text)
  })

  it.each<[string, WireMessage]>([
    ['a reaction', { reactionMessage: { text: '👍', key: { id: 'X' } } }],
    ['an edit', { protocolMessage: { type: 14, key: { id: 'X' }, editedMessage: text } }],
    ['a message pinned', { pinInChatMessage: { type: 1, key: { id: 'X' } } }],
    ['a vote', { pollUpdateMessage: { pollCreationMessageKey: { id: 'X' } } }],
  ])('%s: is none', (_, message) => expect(withSecret(message, '120363000000000001@g.us')).toBe(message))
})
