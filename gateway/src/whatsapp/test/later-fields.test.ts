import { proto } from 'baileys'
import { describe, expect, it } from 'vitest'
import { saysMore } from '../later-fields.ts'
import { decodeWireMessage, encodeWireMessage, type WireMessage } from '../wire.ts'

/** A field of protobuf that holds bytes. */
const field = (number: number, content: Uint8Array): Uint8Array => {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))])
  return Uint8Array.from([...varint(number * 8 + 2), ...varint(content.length), ...content])
}
const joined = (...parts: Uint8Array[]): Uint8Array => Buffer.concat(parts)

const poll = { name: 'Lunch?', options: [{ optionName: 'Yes' }, { optionName: 'No' }], selectableOptionsCount: 1 }
const secret: WireMessage = { messageContextInfo: { messageSecret: Buffer.alloc(32, 7) } }
const pollV6 = joined(encodeWireMessage(secret), field(119, proto.Message.PollCreationMessage.encode(poll).finish()))
const inside = {
  'by itself': pollV6,
  'in the copy of our own phone': field(31, joined(field(1, Buffer.from('552@s.whatsapp.net')), field(2, pollV6))),
  'in a disappearing message': field(40, field(1, pollV6)),
}

describe('fields WhatsApp has added since', () => {
  it('are passed over by the generated code; once it knows them this is not needed any more', () => {
    expect(Object.keys(proto.Message.decode(pollV6))).toEqual(['messageContextInfo'])
  })

  it.each(Object.entries(inside))('a poll of today is a poll, with its secret, %s', (_where, bytes) => {
    const message = decodeWireMessage(bytes)
    const held = message.deviceSentMessage?.message ?? message.ephemeralMessage?.message ?? message
    expect(held.pollCreationMessage).toMatchObject(poll)
    expect(held.messageContextInfo?.messageSecret).toHaveLength(32)
    // Stored and read again it is the same.
    const again = decodeWireMessage(encodeWireMessage(held))
    expect(again.pollCreationMessage).toMatchObject(poll)
  })

  it.each(Object.entries(inside))('are noticed %s', (_where, bytes) => expect(saysMore(bytes)).toBe(true))

  it.each<[string, Uint8Array]>([
    ['a text', encodeWireMessage({ conversation: 'hi' })],
    ['a key for a group', encodeWireMessage({ senderKeyDistributionMessage: { groupId: '1@g.us' }, ...secret })],
    ['machinery in an envelope', encodeWireMessage({ deviceSentMessage: { message: { protocolMessage: { type: 5 } } } })],
    ['nothing', new Uint8Array()],
    ['nonsense', Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 3])],
    ['a field that is cut off', Uint8Array.from([0xba, 7, 200])],
  ])('are not seen in %s', (_what, bytes) => expect(saysMore(bytes)).toBe(false))

  it('a sticker, a picture and the rest are decoded as ever', () => {
    const message = { imageMessage: { caption: 'x' } }
    expect(decodeWireMessage(encodeWireMessage(message))).toMatchObject(message)
  })
})
