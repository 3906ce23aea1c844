/** The small translations, by tables. */
import type { BinaryNode } from 'baileys'
import { describe, expect, it } from 'vitest'
import type { Address, CloseReason } from '../../../engine.ts'
import { Calls } from '../calls.ts'
import { closeReasonOf } from '../close-reason.ts'
import { engineErrorOf } from '../errors.ts'
import { readLookUp } from '../numbers.ts'
import { readAck, readReceipt } from '../receipts.ts'
import { SharedCache } from '../shared-cache.ts'

const me: Address = { jid: '551@s.whatsapp.net', lid: '91@lid' }
const bob: Address = { jid: '552@s.whatsapp.net', lid: null }
const group: Address = { jid: '120363@g.us', lid: null }

const receipt = (attrs: Record<string, string>, content?: BinaryNode[]): BinaryNode => ({
  tag: 'receipt',
  attrs: { id: 'A', t: '7', ...attrs },
  content,
})

describe('receipts', () => {
  it.each<[string, Record<string, string>, object | null]>([
    [
      'delivered',
      { from: '552@s.whatsapp.net' },
      { status: 'delivered', chat: bob, sender: bob, fromMe: false, timestamp: 7000, ids: ['A'] },
    ],
    ['read', { from: '552@s.whatsapp.net', type: 'read' }, { status: 'read' }],
    ['played by one device', { from: '552:3@s.whatsapp.net', type: 'played' }, { status: 'played', chat: bob, sender: bob }],
    [
      'read on our phone',
      { from: '551@s.whatsapp.net', recipient: '552@s.whatsapp.net', type: 'read-self' },
      { status: 'read_self', chat: bob, sender: me, fromMe: true },
    ],
    [
      'played on our phone',
      { from: '91@lid', recipient: '552@s.whatsapp.net', type: 'played-self' },
      { status: 'played_self', chat: bob, sender: me },
    ],
    [
      'our phone got its copy',
      { from: '551@s.whatsapp.net', recipient: '552@s.whatsapp.net', type: 'sender' },
      { status: 'sender', fromMe: true },
    ],
    ['asked again', { from: '552:4@s.whatsapp.net', type: 'retry' }, { status: 'retry', sender: bob }],
    ['inactive', { from: '552@s.whatsapp.net', type: 'inactive' }, { status: 'inactive' }],
    ['server error', { from: '552@s.whatsapp.net', type: 'server-error' }, { status: 'server_error' }],
    [
      'in a group',
      { from: '120363@g.us', participant: '92:1@lid', participant_pn: '552@s.whatsapp.net', type: 'read' },
      { chat: group, sender: { jid: '552@s.whatsapp.net', lid: '92@lid' } },
    ],
    ['between own devices', { from: '551@s.whatsapp.net', type: 'peer_msg' }, null],
    ['of history', { from: '551@s.whatsapp.net', type: 'hist_sync' }, null],
    ['without sender', {}, null],
  ])('%s', (_what, attrs, expected) => {
    const read = readReceipt(receipt(attrs), me)
    if (expected === null) expect(read).toBeNull()
    else expect(read).toMatchObject(expected)
  })

  it('of several messages', () => {
    const items = ['B', 'C'].map((id) => ({ tag: 'item', attrs: { id } }))
    expect(readReceipt(receipt({ from: '552@s.whatsapp.net' }, [{ tag: 'list', attrs: {}, content: items }]), me)?.ids).toEqual([
      'A',
      'B',
      'C',
    ])
  })

  it('acks carry the error code', () => {
    expect(readAck({ tag: 'ack', attrs: { id: 'A', from: '552@s.whatsapp.net' } })).toMatchObject({ error: null, to: bob })
    expect(readAck({ tag: 'ack', attrs: { id: 'A', from: '552@s.whatsapp.net', error: '463' } })).toMatchObject({ error: 463 })
    expect(readAck({ tag: 'ack', attrs: { from: '552@s.whatsapp.net' } })).toBeNull()
  })
})

describe('close codes', () => {
  it.each<[number | 'proxy' | null, boolean, CloseReason]>([
    ['proxy', true, 'proxy'],
    ['proxy', false, 'proxy'],
    [515, true, 'restart'],
    [440, true, 'replaced'],
    [401, true, 'logged-out'],
    [403, true, 'banned'],
    [405, true, 'outdated'],
    [411, true, 'outdated'],
    [408, true, 'lost'],
    [408, false, 'qr-expired'],
    [428, true, 'lost'],
    [500, true, 'bad-session'],
    [503, true, 'lost'],
    [null, true, 'lost'],
    [418, true, 'lost'],
  ])('%s of a device that is linked: %s means %s', (code, linked, reason) => {
    expect(closeReasonOf(code, linked)).toBe(reason)
  })
})

/** As Baileys throws them. */
const boom = (message: string, { statusCode = 500, data = null }: { statusCode?: number; data?: number | null }): Error =>
  Object.assign(new Error(message), { output: { statusCode }, data })

describe('errors', () => {
  it.each([
    [boom('Connection Closed', { statusCode: 428 }), { code: 'not-connected', serverCode: null }],
    [boom('Timed Out', { statusCode: 408 }), { code: 'timeout', serverCode: null }],
    [boom('rate-overlimit', { data: 429 }), { code: 'rate-limited', serverCode: 429 }],
    [boom('item-not-found', { data: 404 }), { code: 'not-registered', serverCode: 404 }],
    [boom('not-acceptable', { data: 406 }), { code: 'rejected', serverCode: 406 }],
    [new Error('oops'), { code: 'rejected', serverCode: null }],
    [Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }), { code: 'not-connected', message: 'the connection to WhatsApp broke' }],
    [new Error('WebSocket is not open: readyState 2 (CLOSING)'), { code: 'not-connected' }],
    ['oops', { code: 'rejected', serverCode: null }],
  ])('%s', (error, expected) => {
    expect(engineErrorOf(error)).toMatchObject(expected)
  })
})

describe('number look-up', () => {
  const user = (jid: string, type: string, asked?: string): BinaryNode => ({
    tag: 'user',
    attrs: { jid },
    content: [
      { tag: 'contact', attrs: { type }, ...(asked === undefined ? {} : { content: Buffer.from(asked) }) },
      { tag: 'lid', attrs: { val: '92@lid' } },
    ],
  })
  const answer = (...users: BinaryNode[]): BinaryNode => ({
    tag: 'iq',
    attrs: {},
    content: [{ tag: 'usync', attrs: {}, content: [{ tag: 'list', attrs: {}, content: users }] }],
  })

  it('tells which answer belongs to which number, also when WhatsApp writes it otherwise', () => {
    const found = readLookUp(
      ['5511988887777', '1', '2'],
      answer(user('2@s.whatsapp.net', 'in', '+2'), user('551188887777@s.whatsapp.net', 'in', '+5511988887777')),
    )
    expect(found).toEqual([
      { number: '5511988887777', exists: true, address: { jid: '551188887777@s.whatsapp.net', lid: '92@lid' } },
      { number: '1', exists: false, address: null },
      { number: '2', exists: true, address: { jid: '2@s.whatsapp.net', lid: '92@lid' } },
    ])
  })

  it('goes by place, then by the number itself, when the answer does not repeat the question', () => {
    expect(readLookUp(['111', '222'], answer(user('11@s.whatsapp.net', 'in'), user('222@s.whatsapp.net', 'out')))).toMatchObject([
      { number: '111', exists: true },
      { number: '222', exists: false },
    ])
    expect(readLookUp(['111', '222'], answer(user('222@s.whatsapp.net', 'in')))).toMatchObject([{ exists: false }, { exists: true }])
    expect(readLookUp(['111'], { tag: 'iq', attrs: {} })).toEqual([{ number: '111', exists: false, address: null }])
  })
})

describe('calls', () => {
  const ids = { 'call-id': 'C', 'call-creator': '92:1@lid' }
  const call = (tag: string, attrs: BinaryNode['attrs'] = {}, content: BinaryNode[] = [], from = '92@lid'): BinaryNode => ({
    tag: 'call',
    attrs: { from, id: '1', t: '5' },
    content: [{ tag, attrs: { ...ids, ...attrs }, content }],
  })
  const caller = { jid: '552@s.whatsapp.net', lid: '92@lid' }

  it('keep what stands in their offer until they end', () => {
    const calls = new Calls()
    const video: BinaryNode = { tag: 'video', attrs: {} }
    const group = { 'group-jid': '7@g.us' }
    const known = { id: 'C', from: caller, isVideo: true, isGroup: true, groupJid: '7@g.us', timestamp: 5000 }
    expect(calls.read(call('offer', { ...group, caller_pn: '552@s.whatsapp.net' }, [video]))).toEqual({ ...known, status: 'offer' })
    expect(calls.read(call('relaylatency'))).toEqual({ ...known, status: 'latency' })
    expect(calls.read(call('preaccept'))).toEqual({ ...known, status: 'notification' })
    expect(calls.read(call('accept'))).toEqual({ ...known, status: 'accepted' })
    expect(calls.read(call('terminate', { reason: 'timeout' }))).toEqual({ ...known, status: 'terminated' })
    expect(calls.read(call('terminate'))).toMatchObject({ from: { jid: null, lid: '92@lid' }, isVideo: false, groupJid: null })
  })

  it('name who does it, not who began the call', () => {
    expect(new Calls().read(call('reject', {}, [], '93@lid'))).toMatchObject({ status: 'rejected', from: { jid: null, lid: '93@lid' } })
    const notice = call('offer_notice', { type: 'group', media: 'video' }, [], '7@g.us')
    expect(new Calls().read(notice)).toMatchObject({
      status: 'offer',
      from: { lid: '92@lid' },
      isVideo: true,
      isGroup: true,
      groupJid: null,
    })
  })

  it('that another device of the account decided are accepted or rejected', () => {
    const end = (reason: string) => new Calls().read(call('terminate', { reason }))?.status
    expect(['accepted_elsewhere', 'rejected_elsewhere', 'busy'].map(end)).toEqual(['accepted', 'rejected', 'terminated'])
    expect(new Calls().read({ tag: 'call', attrs: { from: '92@lid' }, content: [] })).toBeNull()
  })
})

describe('shared caches', () => {
  it('push out what was not used for longest, over all sessions', () => {
    const map = new SharedCache<number>(3)
    const one = map.view('one')
    const two = map.view('two')
    one.set('a', 1)
    two.set('a', 2)
    one.set('b', 3)
    expect(one.get('a')).toBe(1)
    two.set('b', 4)
    expect([one.get('a'), two.get('a'), one.get('b'), two.get('b')]).toEqual([1, undefined, 3, 4])
    expect(map.size).toBe(3)
  })
})
