/** Stanzas without readable content, and how little a stranger's junk may cost. */
import type { BinaryNode } from 'baileys'
import { pino } from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Address, InboxRow, StoreBatch } from '../../../engine.ts'
import { LogLimit } from '../log-limit.ts'
import { bridgeLogger } from '../logger.ts'
import { awaitedHash, awaitedRow, plainRow, StanzaNotes } from '../stanzas.ts'
import { Unreadable } from '../unreadable.ts'

const me: Address = { jid: '551@s.whatsapp.net', lid: '91@lid' }
const bytes = Buffer.from('bytes')
const stanza = (from: string, ...content: BinaryNode[]): BinaryNode => ({ tag: 'message', attrs: { id: 'X', from }, content })
const enc = (type: string): BinaryNode => ({ tag: 'enc', attrs: { type }, content: bytes })

describe('what a stanza brings', () => {
  const person = '552@s.whatsapp.net'
  const channel = '120@newsletter'
  const plaintext: BinaryNode = { tag: 'plaintext', attrs: {}, content: bytes }
  const unavailable = (type?: string): BinaryNode => ({ tag: 'unavailable', attrs: type === undefined ? {} : { type } })

  it.each<[string, BinaryNode, { plain: number; reason: string | null; phoneMayHelp?: boolean }]>([
    ['a ciphertext', stanza(person, enc('msg')), { plain: 0, reason: null }],
    ['a key beside a group message', stanza('1@g.us', enc('pkmsg'), enc('skmsg')), { plain: 0, reason: null }],
    ['a channel message', stanza(channel, plaintext), { plain: 1, reason: null }],
    ['a reaction in a channel', stanza(channel, { tag: 'reaction', attrs: {} }), { plain: 0, reason: null }],
    ['plain text of a person, who can not send any', stanza(person, plaintext), { plain: 0, reason: 'no content', phoneMayHelp: true }],
    ['nothing', stanza(person), { plain: 0, reason: 'no content', phoneMayHelp: true }],
    ['no children', { tag: 'message', attrs: { id: 'X', from: person } }, { plain: 0, reason: 'no content', phoneMayHelp: true }],
    ['a secret of a bot', stanza(person, enc('msmsg')), { plain: 0, reason: 'unknown encryption msmsg', phoneMayHelp: true }],
    ['a message kept back', stanza(person, unavailable()), { plain: 0, reason: 'no content', phoneMayHelp: true }],
    ['view once', stanza(person, unavailable('view_once')), { plain: 0, reason: 'view_once', phoneMayHelp: false }],
    [
      'view once, to all devices',
      stanza(person, unavailable('view_once_unavailable_fanout')),
      { plain: 0, reason: 'view_once_unavailable_fanout', phoneMayHelp: false },
    ],
  ])('%s', (_what, given, { plain, reason, phoneMayHelp = true }) => {
    const found = new StanzaNotes().note(given)
    expect(found.plain).toHaveLength(plain)
    expect(found.unreadable).toEqual(reason === null ? null : { reason, phoneMayHelp })
  })

  it('the same words twice in a channel are two rows, the same stanza again is one', () => {
    const one = plainRow({ id: '1', from: channel }, bytes)
    expect(plainRow({ id: '2', from: channel }, bytes).hash).not.toBe(one.hash)
    expect(plainRow({ id: '1', from: channel, offline: '1' }, bytes).hash).toBe(one.hash)
  })
})

describe('messages nobody could read', () => {
  afterEach(() => vi.useRealTimers())

  const begin = (earlier: InboxRow[] = []) => {
    vi.useFakeTimers()
    const lines: string[] = []
    const committed: StoreBatch[] = []
    const asked: { remoteJid?: string | null; id?: string | null; participant?: string | null; fromMe?: boolean | null }[] = []
    const unreadable = new Unreadable({
      commit: (batch) => void committed.push(batch),
      loadAwaited: async () => earlier,
      askPhone: async (key) => void asked.push(key),
      isHandled: () => {},
      self: () => me,
      askPhoneAfterMs: 5_000,
      logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
    })
    return { unreadable, lines, committed, asked }
  }

  it('are noted once, and the phone is asked once when the sender has had his time', async () => {
    const { unreadable, committed, asked } = begin()
    await unreadable.opened()
    unreadable.note({ id: 'A', from: '552:3@s.whatsapp.net' }, 'bad MAC')
    unreadable.note({ id: 'A', from: '552:3@s.whatsapp.net', offline: '1' }, 'bad MAC')
    unreadable.note({ id: 'B', from: '120363@g.us', participant: '92:1@lid' }, 'no sender key')
    unreadable.note({ id: 'C', from: '551@s.whatsapp.net', recipient: '553@s.whatsapp.net' }, 'bad MAC')
    expect(committed.map(({ awaited }) => awaited?.[0]?.attributes.id)).toEqual(['A', 'B', 'C'])
    await vi.advanceTimersByTimeAsync(4_999)
    expect(asked).toEqual([])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual([
      { id: 'A', remoteJid: '552@s.whatsapp.net', fromMe: false },
      { id: 'B', remoteJid: '120363@g.us', participant: '92@lid', fromMe: false },
      { id: 'C', remoteJid: '553@s.whatsapp.net', fromMe: true },
    ])
  })

  it('are not asked for when they came, when the phone can not help, or after the end', async () => {
    const { unreadable, asked } = begin()
    await unreadable.opened()
    const attributes = { id: 'A', from: '552@s.whatsapp.net' }
    unreadable.note(attributes, 'bad MAC')
    expect(unreadable.came(attributes)?.hash).toBe(awaitedHash(attributes))
    expect(unreadable.came(attributes)).toBeNull()
    unreadable.note({ ...attributes, id: 'B' }, 'view_once', false)
    await vi.advanceTimersByTimeAsync(60_000)
    unreadable.note({ ...attributes, id: 'C' }, 'bad MAC')
    unreadable.end()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked).toEqual([])
  })

  it('between own devices are nobody’s messages', () => {
    const { unreadable, committed } = begin()
    unreadable.note({ id: 'P', from: '551@s.whatsapp.net', category: 'peer' }, 'bad MAC')
    expect(committed).toEqual([])
  })

  it('noted by an earlier session are asked for when the next one is open', async () => {
    const { unreadable, asked } = begin([awaitedRow({ id: 'OLD', from: '552@s.whatsapp.net' })])
    await vi.advanceTimersByTimeAsync(60_000)
    await unreadable.opened()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(asked).toMatchObject([{ id: 'OLD' }])
  })

  it('sent without end cost a row each, few lines and few requests', async () => {
    const { unreadable, lines, committed, asked } = begin()
    await unreadable.opened()
    for (let n = 0; n < 5_000; n++) unreadable.note({ id: `J${n}`, from: `${n % 50}@s.whatsapp.net` }, 'junk')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(committed).toHaveLength(5_000)
    expect(asked.length).toBeLessThanOrEqual(30)
    expect(lines.length).toBeLessThanOrEqual(10)
    await vi.advanceTimersByTimeAsync(60_000)
    unreadable.note({ id: 'LAST', from: '7@s.whatsapp.net' }, 'junk')
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ messageId: 'LAST', leftOut: 4_990 })
  })
})

describe('the log', () => {
  it('takes a few lines per subject and minute, a few more in all, and counts the rest', () => {
    let now = 0
    const limit = new LogLimit({ perSubject: 2, inAll: 3 }, () => now)
    const admitted = (subject: string) => limit.admit(subject)?.leftOut ?? null
    expect(['a', 'a', 'a', 'b', 'c', 'd'].map(admitted)).toEqual([0, 0, null, 1, null, null])
    now = 60_000
    expect(['c', 'a'].map(admitted)).toEqual([2, 0])
  })

  it('takes the library’s complaints by their sentence, whatever is in them', () => {
    const lines: string[] = []
    const bridge = bridgeLogger(pino({ level: 'warn' }, { write: (line) => void lines.push(line) }))
    for (let n = 0; n < 1_000; n++) bridge.error({ err: new Error(`counter ${n}`), key: { id: n } }, 'failed to decrypt message')
    bridge.error({}, 'something else')
    expect(lines).toHaveLength(4)
  })
})
