/** What a post in a channel looks like on the wire, and whose acknowledgement is whose. */
import type { BinaryNode } from 'baileys'
import { describe, expect, it } from 'vitest'
import { nodesBeside } from '../../../stanza-nodes.ts'
import { decodeWireMessage, type WireMessage } from '../../../wire.ts'
import { createNewsletterPosts, PostChanges, postStanza } from '../newsletter-posts.ts'

const channel = '120363@newsletter'
const key = { remoteJid: channel, fromMe: true, id: 'ORIGINAL' }

const stanzaOf = (message: WireMessage, handle: string | null = null): BinaryNode =>
  postStanza(channel, message, { id: 'NEW', nodes: nodesBeside(message), handle })
const childrenOf = ({ content }: BinaryNode) => (Array.isArray(content) ? content : [])

describe('a post', () => {
  it.each<[string, WireMessage, object, object, string[]]>([
    ['a text', { extendedTextMessage: { text: 'hi' } }, { type: 'text' }, {}, []],
    ['an image', { imageMessage: { caption: 'c' } }, { type: 'media' }, { mediatype: 'image' }, []],
    ['a film', { videoMessage: {} }, { type: 'media' }, { mediatype: 'video' }, []],
    ['a GIF', { videoMessage: { gifPlayback: true } }, { type: 'media' }, { mediatype: 'gif' }, []],
    ['a voice note', { audioMessage: { ptt: true } }, { type: 'media' }, { mediatype: 'ptt' }, []],
    ['a sticker', { stickerMessage: {} }, { type: 'media' }, { mediatype: 'sticker' }, []],
    ['a contact', { contactMessage: {} }, { type: 'media' }, { mediatype: 'vcard' }, []],
    ['a poll', { pollCreationMessageV3: { name: 'q' } }, { type: 'poll' }, {}, ['meta']],
    ['an event', { eventMessage: { name: 'e' } }, { type: 'event' }, {}, ['meta']],
    ['buttons', { interactiveMessage: { nativeFlowMessage: {} } }, { type: 'text' }, {}, ['biz']],
  ])('%s', (_what, message, attrs, plaintext, beside) => {
    const stanza = stanzaOf(message)
    expect(stanza).toMatchObject({ tag: 'message', attrs: { to: channel, id: 'NEW', ...attrs } })
    expect(stanza.attrs).not.toHaveProperty('edit')
    const [content, ...others] = childrenOf(stanza)
    expect([content?.tag, content?.attrs]).toEqual(['plaintext', plaintext])
    expect(decodeWireMessage(content?.content as Uint8Array)).toMatchObject(message)
    expect(others.map(({ tag }) => tag)).toEqual(beside)
  })

  it('names its file as the media host does', () => {
    expect(stanzaOf({ imageMessage: {} }, 'HANDLE').attrs.media_id).toBe('HANDLE')
  })

  it('is edited under its own id', () => {
    const stanza = stanzaOf({ protocolMessage: { key, type: 14, editedMessage: { extendedTextMessage: { text: 'new' } } } })
    expect(stanza.attrs).toEqual({ to: channel, id: 'ORIGINAL', type: 'text', edit: '3' })
    expect(decodeWireMessage(childrenOf(stanza)[0]?.content as Uint8Array)).toMatchObject({ extendedTextMessage: { text: 'new' } })
  })

  it('is taken back under its own id', () => {
    const stanza = stanzaOf({ protocolMessage: { key, type: 0 } })
    expect(stanza.attrs).toEqual({ to: channel, id: 'ORIGINAL', type: 'text', edit: '8' })
    expect(childrenOf(stanza)[0]?.content).toHaveLength(0)
  })
})

describe('posting', () => {
  const open = () => {
    const sent: BinaryNode[] = []
    const posts: BinaryNode[] = [{ tag: 'message', attrs: { id: 'ORIGINAL', server_id: '107' } }]
    const changes = new PostChanges()
    const side = createNewsletterPosts({
      sendNode: async (node) => void sent.push(node),
      request: async () => ({ tag: 'iq', attrs: {}, content: [{ tag: 'messages', attrs: {}, content: posts }] }),
      changes,
      handleOf: (path) => (path === '/v/file' ? 'HANDLE' : null),
    })
    return { sent, changes, post: (message: WireMessage, id = 'NEW') => side.post(channel, message, { id, nodes: [] }) }
  }

  it.each([
    ['given', '👍', { code: '👍' }],
    ['taken back', '', {}],
  ])('a reaction, %s, goes by the number of the post', async (_what, text, attrs) => {
    const { sent, post } = open()
    await post({ reactionMessage: { key, text } })
    expect(sent).toEqual([
      { tag: 'message', attrs: { to: channel, id: 'NEW', type: 'reaction', server_id: '107' }, content: [{ tag: 'reaction', attrs }] },
    ])
  })

  it('a reaction to a post nobody can find says so', async () => {
    const { sent, post } = open()
    const reacting = post({ reactionMessage: { key: { ...key, id: 'OLD' }, text: '👍' } })
    await expect(reacting).rejects.toMatchObject({ code: 'rejected', message: 'it is not among the 100 newest posts of the channel' })
    expect(sent).toEqual([])
  })

  it('an acknowledgement of a changed post is that of the change, in the order of changes', async () => {
    const { changes, post } = open()
    await post({ protocolMessage: { key, type: 14, editedMessage: { conversation: 'a' } } }, 'FIRST')
    await post({ protocolMessage: { key, type: 14, editedMessage: { conversation: 'b' } } }, 'SECOND')
    await post({ conversation: 'c' }, 'OTHER')
    expect(['ORIGINAL', 'OTHER', 'ORIGINAL', 'ORIGINAL'].map((id) => changes.acknowledged(id))).toEqual([
      'FIRST',
      'OTHER',
      'SECOND',
      'ORIGINAL',
    ])
  })

  it('the name of a file is found by its place', async () => {
    const { sent, post } = open()
    await post({ imageMessage: { directPath: '/v/file' } })
    expect(sent[0]?.attrs.media_id).toBe('HANDLE')
  })
})
