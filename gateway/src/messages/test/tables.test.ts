/** The pure rules, as tables. */
import { describe, expect, test } from 'vitest'
import { readContext, writeContext } from '../context.ts'
import { exchangeData } from '../exchange.ts'
import { readMessage } from '../kinds/registry.ts'
import { firstLink } from '../link-preview.ts'
import { numberCandidates } from '../number-candidates.ts'
import { decodePage, readPage } from '../page-metadata.ts'
import { parseRecipient } from '../recipient.ts'
import { createTurns } from '../turns.ts'

describe('what a caller may write as recipient', () => {
  const number = (digits: string) => ({ kind: 'number', digits })
  const place = (jid: string) => ({ kind: 'place', jid })
  test.each([
    ['5521988887777', number('5521988887777')],
    ['+55 (21) 98888-7777', number('5521988887777')],
    ['+55.21.98888.7777', number('5521988887777')],
    ['0034600111222', number('34600111222')],
    ['34600111222@s.whatsapp.net', number('34600111222')],
    ['34600111222:12@s.whatsapp.net', number('34600111222')],
    ['34600111222@c.us', number('34600111222')],
    ['210000000000000@lid', { kind: 'lid', digits: '210000000000000' }],
    ['120363040000000000@g.us', place('120363040000000000@g.us')],
    ['5521988887777-1500000000@g.us', place('5521988887777-1500000000@g.us')],
    ['120363050000000000@newsletter', place('120363050000000000@newsletter')],
    ['status@broadcast', place('status@broadcast')],
    ['12345@broadcast', null],
    ['0600111222', null],
    ['123456', null],
    ['1234567890123456', null],
    ['call me', null],
    ['34600111222x', null],
    ['ana@s.whatsapp.net', null],
    ['34600111222@example.org', null],
    ['@g.us', null],
    ['+', null],
    ['', null],
  ])('%s', (text, recipient) => {
    expect(parseRecipient(text)).toEqual(recipient)
  })
})

describe('under which spellings a number may be registered', () => {
  test.each([
    ['5521988887777', ['5521988887777', '552188887777']],
    ['552188887777', ['552188887777', '5521988887777']],
    // A landline.
    ['552133334444', ['552133334444']],
    ['5215512345678', ['5215512345678', '525512345678']],
    ['525512345678', ['525512345678', '5215512345678']],
    ['5491123456789', ['5491123456789', '541123456789']],
    ['541123456789', ['541123456789', '5491123456789']],
    // The 0 that is only dialled at home.
    ['4407911123456', ['4407911123456', '447911123456']],
    ['34600111222', ['34600111222']],
    ['15550001111', ['15550001111']],
    // No such country: WhatsApp is asked all the same.
    ['9990001112223', ['9990001112223']],
  ])('%s', async (digits, candidates) => {
    expect(await numberCandidates(digits)).toEqual(candidates)
  })
})

describe('what an arrived message is', () => {
  const reading = (type: string, content: string, changes: string | null = null) => ({ type, content, changes, mediaType: null })
  test.each([
    ['a plain text', { conversation: 'hi' }, reading('text', 'hi')],
    ['an extended text', { extendedTextMessage: { text: 'hi' } }, reading('text', 'hi')],
    ['an empty text', { conversation: '' }, reading('text', '')],
    [
      'an edit',
      { protocolMessage: { type: 14, key: { id: 'A' }, editedMessage: { extendedTextMessage: { text: 'new' } } } },
      reading('message_edit', 'new', 'A'),
    ],
    [
      'an edited caption',
      { protocolMessage: { type: 14, key: { id: 'A' }, editedMessage: { imageMessage: { caption: 'new' } } } },
      reading('message_edit', 'new', 'A'),
    ],
    ['a revocation', { protocolMessage: { type: 0, key: { id: 'A' } } }, reading('message_revoke', '', 'A')],
    ['a revocation without its 0', { protocolMessage: { key: { id: 'A' } } }, reading('message_revoke', '', 'A')],
    ['something between devices', { protocolMessage: { type: 3 } }, reading('unknown', '')],
    ['something new', { stickerPackMessage: {} }, reading('unknown', '')],
    ['nothing', {}, reading('unknown', '')],
  ])('%s', (_what, message, expected) => {
    expect(readMessage(message)).toEqual(expected)
  })
})

describe('context', () => {
  test('is null when there is nothing in it', () => {
    expect(readContext({ conversation: 'hi' })).toEqual({ context: null, isForwarded: false })
    expect(readContext({ extendedTextMessage: { text: 'hi', contextInfo: { isForwarded: true } } })).toEqual({
      context: null,
      isForwarded: true,
    })
    expect(writeContext(null, { people: [], everybody: false })).toBeNull()
  })
  test('says what WhatsApp wants to know', () => {
    const quote = { messageId: 'A', author: '1@s.whatsapp.net', otherChat: '2@g.us', message: { conversation: 'hi' } }
    expect(writeContext(quote, { people: ['3@s.whatsapp.net'], everybody: true })).toEqual({
      stanzaId: 'A',
      participant: '1@s.whatsapp.net',
      quotedMessage: { conversation: 'hi' },
      remoteJid: '2@g.us',
      mentionedJid: ['3@s.whatsapp.net'],
      nonJidMentions: 1,
    })
  })
})

describe('chat types of an event', () => {
  test.each([
    ['34600111222@s.whatsapp.net', 'private'],
    ['120363040000000000@g.us', 'group'],
    ['120363050000000000@newsletter', 'newsletter'],
    ['status@broadcast', 'status'],
  ])('%s', (jid, type) => {
    const person = { jid, lid: null, name: null }
    const message = { conversation: 'hi' }
    const data = exchangeData({
      id: 'A',
      fromMe: false,
      timestamp: 0,
      chat: person,
      sender: person,
      message,
      reading: readMessage(message),
      media: null,
      source: '',
    })
    expect(data).toMatchObject({ chat: { type }, timestamp: '1970-01-01T00:00:00.000Z' })
  })
})

describe('the first link of a text', () => {
  test.each([
    ['see https://example.org/a?b=c#d now', 'https://example.org/a?b=c#d'],
    ['(https://example.org/a).', 'https://example.org/a'],
    ['HTTP://EXAMPLE.ORG', 'HTTP://EXAMPLE.ORG'],
    ['two: http://a.example http://b.example', 'http://a.example'],
    ['ftp://a.example', null],
    ['example.org', null],
    ['https://', null],
  ])('%s', (text, link) => {
    expect(firstLink(text)).toBe(link)
  })
})

describe('what a page says of itself', () => {
  const page = 'https://example.org/dir/page'
  test.each([
    ['<title>Plain &amp; simple</title>', { title: 'Plain & simple', description: '', image: null }],
    ['<meta name="twitter:title" content="T"><meta property=og:title content=O>', { title: 'O', description: '', image: null }],
    ['<TITLE\n>Two\n lines</TITLE>', { title: 'Two lines', description: '', image: null }],
    ['<meta property="og:image" content="../p.png"><title>x</title>', { title: 'x', description: '', image: 'https://example.org/p.png' }],
    ['<meta property="og:image" content="javascript:alert(1)"><title>x</title>', { title: 'x', description: '', image: null }],
    ['', { title: '', description: '', image: null }],
  ])('%s', (html, metadata) => {
    expect(readPage(html, page)).toEqual(metadata)
  })
  test.each([
    ['text/html; charset=ISO-8859-1', '', 'Ação'],
    ['text/html', '<meta charset="iso-8859-1">', 'Ação'],
    ['text/html; charset=no-such-thing', '', 'A\ufffd\ufffdo'],
  ])('in the encoding it names: %s %s', (contentType, head, title) => {
    expect(readPage(decodePage(Buffer.from(`${head}<title>Ação</title>`, 'latin1'), contentType), page).title).toBe(title)
  })
  test('a page made to keep us busy does not', () => {
    const hostile = `<meta ${'a='.repeat(200_000)}<title>${'<'.repeat(100_000)}${'&#'.repeat(50_000)}`
    const before = performance.now()
    readPage(hostile, page)
    expect(performance.now() - before).toBeLessThan(10_000)
  })
})

describe('turns', () => {
  test('too many waiting are refused, and the rest goes on', async () => {
    const turns = createTurns({ perChat: 2, perInstance: 3 })
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const taken = [turns.take('i', 'a', () => held), turns.take('i', 'a', async () => {})]
    await expect(turns.take('i', 'a', async () => {})).rejects.toMatchObject({ status: 429 })
    taken.push(turns.take('i', 'b', async () => {}))
    await expect(turns.take('i', 'c', async () => {})).rejects.toMatchObject({ status: 429 })
    await turns.take('j', 'a', async () => {})
    release()
    await Promise.all(taken)
    await turns.take('i', 'a', async () => {})
  })
  test('one that fails holds nobody up', async () => {
    const turns = createTurns()
    const failing = turns.take('i', 'a', async () => {
      throw new Error('no')
    })
    const next = turns.take('i', 'a', async () => 'yes')
    await expect(failing).rejects.toThrow('no')
    expect(await next).toBe('yes')
  })
})
