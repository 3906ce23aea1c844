import { describe, expect, it } from 'vitest'
import type { Address, InboxRow } from '../../../engine.ts'
import { encodeWireMessage, type WireMessage } from '../../../wire.ts'
import { readInbox } from '../inbox.ts'

const me: Address = { jid: '551@s.whatsapp.net', lid: '91@lid' }
const bob: Address = { jid: '552@s.whatsapp.net', lid: '92@lid' }
const bobByNumber: Address = { jid: '552@s.whatsapp.net', lid: null }
const group = '120363@g.us'
const channel = '120363@newsletter'

const row = (attributes: Record<string, string>, message: WireMessage = { conversation: 'hi' }): InboxRow => ({
  hash: 'h',
  attributes: { id: 'X', t: '1700000000', ...attributes },
  plaintext: encodeWireMessage(message),
  receivedAt: 42,
})

describe('who wrote a message, and where', () => {
  it.each<[string, Record<string, string>, { chat: Address; sender: Address; fromMe: boolean } | null]>([
    ['a person by number', { from: '552@s.whatsapp.net', sender_lid: '92@lid' }, { chat: bob, sender: bob, fromMe: false }],
    ['a device of a person by LID', { from: '92:7@lid', sender_pn: '552@s.whatsapp.net' }, { chat: bob, sender: bob, fromMe: false }],
    [
      'a person we know one form of',
      { from: '92@lid' },
      { chat: { jid: null, lid: '92@lid' }, sender: { jid: null, lid: '92@lid' }, fromMe: false },
    ],
    ['a hosted account', { from: '552:99@hosted', sender_lid: '92:99@hosted.lid' }, { chat: bob, sender: bob, fromMe: false }],
    [
      'our phone, by number',
      { from: '551@s.whatsapp.net', recipient: '552@s.whatsapp.net', peer_recipient_lid: '92@lid' },
      { chat: bob, sender: me, fromMe: true },
    ],
    [
      'our phone, by LID',
      { from: '91@lid', recipient: '92@lid', peer_recipient_pn: '552@s.whatsapp.net' },
      { chat: bob, sender: me, fromMe: true },
    ],
    ['our phone to ourselves', { from: '551@s.whatsapp.net' }, { chat: me, sender: me, fromMe: true }],
    [
      'somebody in a group',
      { from: group, participant: '92:3@lid', participant_pn: '552@s.whatsapp.net' },
      { chat: { jid: group, lid: null }, sender: bob, fromMe: false },
    ],
    ['our phone in a group', { from: group, participant: '91@lid' }, { chat: { jid: group, lid: null }, sender: me, fromMe: true }],
    [
      'a status',
      { from: 'status@broadcast', participant: '552@s.whatsapp.net', participant_lid: '92@lid' },
      { chat: { jid: 'status@broadcast', lid: null }, sender: bob, fromMe: false },
    ],
    ['a channel', { from: channel }, { chat: { jid: channel, lid: null }, sender: { jid: channel, lid: null }, fromMe: false }],
    ['our phone in a channel', { from: channel, is_sender: 'true' }, { chat: { jid: channel, lid: null }, sender: me, fromMe: true }],
    [
      'a person claiming to be us',
      { from: '552@s.whatsapp.net', is_sender: 'true' },
      { chat: bobByNumber, sender: bobByNumber, fromMe: false },
    ],
    ['a stranger claiming to be our copy', { from: '552@s.whatsapp.net', recipient: '553@s.whatsapp.net' }, null],
    ['a group without an author', { from: group }, null],
    ['nobody', { from: 'nonsense' }, null],
  ])('%s', (_what, attributes, expected) => {
    const message = readInbox(row(attributes), me)
    if (expected === null) expect(message).toBeNull()
    else expect(message).toMatchObject(expected)
  })
})

describe('what it holds', () => {
  const from = { from: '552@s.whatsapp.net' }
  const text: WireMessage = { conversation: 'hi' }
  const key = { id: 'Y', remoteJid: '551@s.whatsapp.net', fromMe: true }

  it.each<[string, WireMessage, WireMessage, boolean]>([
    ['plain', text, text, false],
    ['ephemeral', { ephemeralMessage: { message: text } }, text, false],
    ['deviceSent around ephemeral', { deviceSentMessage: { message: { ephemeralMessage: { message: text } } } }, text, false],
    ['view once', { viewOnceMessageV2: { message: { imageMessage: { url: 'u' } } } }, { imageMessage: { url: 'u' } }, true],
    ['view once by its own flag', { imageMessage: { url: 'u', viewOnce: true } }, { imageMessage: { url: 'u', viewOnce: true } }, true],
    [
      'edit envelope',
      { editedMessage: { message: { protocolMessage: { key, type: 14, editedMessage: text } } } },
      { protocolMessage: { key, type: 14, editedMessage: text } },
      false,
    ],
    [
      'document with caption',
      { documentWithCaptionMessage: { message: { documentMessage: { url: 'u' } } } },
      { documentMessage: { url: 'u' } },
      false,
    ],
    ['revocation, whose type protobuf leaves out', { protocolMessage: { key, type: 0 } }, { protocolMessage: { key } }, false],
    ['text beside a sender key', { ...text, senderKeyDistributionMessage: { groupId: group } }, text, false],
  ])('%s', (_what, sent, expected, viewOnce) => {
    const message = readInbox(row(from, sent), me)
    expect(message?.message).toMatchObject(expected)
    expect(message?.viewOnce).toBe(viewOnce)
  })

  it.each<[string, WireMessage]>([
    ['a sender key alone', { senderKeyDistributionMessage: { groupId: group } }],
    ['a key share', { protocolMessage: { type: 6, appStateSyncKeyShare: { keys: [] } } }],
    ['a history notification', { protocolMessage: { type: 5, historySyncNotification: {} } }],
    ['a protocol message of type 0 without a key', { protocolMessage: {} }],
    ['nothing', {}],
  ])('null for %s', (_what, sent) => {
    expect(readInbox(row(from, sent), me)).toBeNull()
  })

  it.each<[string, string, WireMessage]>([
    ['edited', '3', { protocolMessage: { type: 14, key: { remoteJid: channel, id: 'X', fromMe: false }, editedMessage: text } }],
    ['taken back by its author', '7', { protocolMessage: { type: 0, key: { remoteJid: channel, id: 'X', fromMe: false } } }],
    ['taken back by an admin', '8', { protocolMessage: { type: 0, key: { remoteJid: channel, id: 'X', fromMe: false } } }],
  ])('a post that is %s is told like any other change, under an id of its own', (_what, edit, expected) => {
    const changed = row({ from: channel, edit }, text)
    const message = readInbox({ ...changed, hash: 'ab'.repeat(32) }, me)
    expect(message).toMatchObject({ id: '3EB0ABABABABABABABAB', message: expected })
  })

  it('keeps the secret that stands outside the envelope', () => {
    const secret = Buffer.alloc(32, 1)
    const message = readInbox(row(from, { messageContextInfo: { messageSecret: secret }, ephemeralMessage: { message: text } }), me)
    expect(Buffer.from(message?.message.messageContextInfo?.messageSecret ?? [])).toEqual(secret)
  })

  it('is a message without content for bytes that are none, and nothing between devices', () => {
    const junk = Buffer.from([0xff, 0xff])
    expect(readInbox({ ...row({ ...from, notify: 'Bob' }), plaintext: junk }, me)).toMatchObject({
      id: 'X',
      chat: { jid: '552@s.whatsapp.net' },
    })
    expect(encodeWireMessage(readInbox({ ...row(from), plaintext: junk }, me)?.message ?? { conversation: 'no' })).toHaveLength(0)
    expect(readInbox({ ...row({ from: '551@s.whatsapp.net', category: 'peer' }), plaintext: junk }, me)).toBeNull()
  })

  it('is a message without content where WhatsApp says it in a field that is too new', () => {
    const later = Buffer.from([...encodeWireMessage({ messageContextInfo: {} }), 0xc2, 0x3e, 1, 0])
    expect(readInbox({ ...row(from), plaintext: later }, me)).toMatchObject({ id: 'X', chat: { jid: '552@s.whatsapp.net' } })
  })

  it('takes time, name and offline from the stanza, and the time of arrival when it has none', () => {
    expect(readInbox(row({ ...from, notify: 'Bob', offline: '1' }), me)).toMatchObject({
      timestamp: 1_700_000_000_000,
      pushName: 'Bob',
      offline: true,
    })
    expect(readInbox(row({ ...from, t: '' }), me)).toMatchObject({ timestamp: 42, pushName: null, offline: false })
  })

  it('takes a message the phone sent again out of its peer answer', async () => {
    const { proto } = await import('baileys')
    const webMessageInfoBytes = proto.WebMessageInfo.encode({
      key: { id: 'LOST', remoteJid: '552@s.whatsapp.net', fromMe: false },
      message: text,
      messageTimestamp: 1_700_000_001,
      pushName: 'Bob',
    }).finish()
    const answer: WireMessage = {
      protocolMessage: {
        type: 17,
        peerDataOperationRequestResponseMessage: {
          peerDataOperationResult: [{ placeholderMessageResendResponse: { webMessageInfoBytes } }],
        },
      },
    }
    const peer = { from: '551@s.whatsapp.net', category: 'peer' }
    expect(readInbox(row(peer, answer), me)).toMatchObject({ id: 'LOST', timestamp: 1_700_000_001_000, message: text, fromMe: false })
    expect(readInbox(row({ ...peer, from: '552@s.whatsapp.net' }, answer), me)).toBeNull()
    const results = answer.protocolMessage?.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? []
    for (const result of results) result.placeholderMessageResendResponse = { webMessageInfoBytes: Buffer.from([0xff]) }
    expect(readInbox(row(peer, answer), me)).toBeNull()
  })
})
