import { expect, it } from 'vitest'
import { decodeWireMessage, encodeWireMessage, type WireMessage } from '../../whatsapp/wire.ts'
import { readContext } from '../context.ts'
import { readMessage } from '../kinds/registry.ts'
import { unsealed } from '../unsealed.ts'

const question: WireMessage = { conversation: 'Party!' }
const targetMessageKey = { remoteJid: '123@g.us', fromMe: false, id: 'TARGET', participant: '7@lid' }
const messageContextInfo = { messageSecret: new Uint8Array([1, 2, 3]) }
const edit: WireMessage = { secretEncryptedMessage: { targetMessageKey, secretEncType: 2 }, messageContextInfo }
const comment: WireMessage = { encCommentMessage: { targetMessageKey }, messageContextInfo }
const opened = (inside: WireMessage) => ({ question, plaintext: encodeWireMessage(inside) })

it.each<[string, WireMessage]>([
  ['as an edit without a seal', { protocolMessage: { type: 14, key: { id: 'ANOTHER' }, editedMessage: { conversation: 'new' } } }],
  ['by itself', { extendedTextMessage: { text: 'new' } }],
  ['as the caption of a picture', { protocolMessage: { type: 14, editedMessage: { imageMessage: { caption: 'new' } } } }],
  ['in the envelope of edits', { editedMessage: { message: { protocolMessage: { type: 14, editedMessage: { conversation: 'new' } } } } }],
  ['as the name of an event', { eventMessage: { name: 'new' } }],
])('an edit with the new content %s changes the message its seal is about', (_how, inside) => {
  expect(readMessage(unsealed(edit, opened(inside)))).toMatchObject({ type: 'message_edit', content: 'new', changes: 'TARGET' })
})

it('an edit in a disappearing message', () => {
  const wrapped = { ephemeralMessage: { message: edit } }
  expect(readMessage(unsealed(wrapped, opened({ conversation: 'new' })))).toMatchObject({ type: 'message_edit', content: 'new' })
})

it.each<[WireMessage, object, string[]]>([
  [{ conversation: 'Can I come?' }, { type: 'text', content: 'Can I come?' }, []],
  [{ extendedTextMessage: { text: 'Is he?', contextInfo: { mentionedJid: ['8@lid'] } } }, { type: 'text', content: 'Is he?' }, ['8@lid']],
  [{ imageMessage: { caption: 'me', mimetype: 'image/jpeg' } }, { type: 'image', content: 'me' }, []],
])('a comment answers the message it stands under, and keeps its own secret', (inside, reading, mentions) => {
  const answer = decodeWireMessage(encodeWireMessage(unsealed(comment, opened(inside))))
  expect(readMessage(answer)).toMatchObject(reading)
  expect(readContext(answer).context).toEqual({ messageId: 'TARGET', participant: '7@lid', content: 'Party!', mentions })
  expect([...(answer.messageContextInfo?.messageSecret ?? [])]).toEqual([1, 2, 3])
})

it('what cannot be opened, and what is no message inside, stays sealed', () => {
  for (const sealed of [edit, comment]) {
    expect(unsealed(sealed, undefined)).toBe(sealed)
    expect(unsealed(sealed, { question, plaintext: new Uint8Array([255, 255, 255]) })).toBe(sealed)
    expect(readMessage(sealed)).toMatchObject({ type: 'unknown', content: '' })
  }
})
