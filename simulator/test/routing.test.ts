/** Stories of messages, receipts, calls and presence between devices: who gets what, with which attributes (engine.md §9.3). */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BinaryNode, childOf, node } from '../src/wire/nodes.ts'
import { type ShownPhone, Simulator } from './harness.ts'
import type { RawCompanion } from './raw-companion.ts'

let network: Simulator
let alice: ShownPhone
let bob: ShownPhone
/** Alice has two companions, Bob one. */
let a1: RawCompanion
let a2: RawCompanion
let b1: RawCompanion

beforeEach(async () => {
  network = await Simulator.start()
  alice = await network.phone('5511900000001', { name: 'Alice' })
  bob = await network.phone('5511900000002', { name: 'Bob' })
  a1 = await network.companion(alice.number)
  a2 = await network.companion(alice.number)
  b1 = await network.companion(bob.number)
})

afterEach(async () => {
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  await network.stop()
})

test('a message by number reaches the receiver’s device and the own other device, each with its own ciphertext', async () => {
  a1.send(
    message('M1', bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: 'for b1', [`${alice.number}:2@s.whatsapp.net`]: 'for a2' }, [node('biz')]),
  )
  const ack = await a1.next((s) => s.tag === 'ack' && s.attrs.id === 'M1')
  expect(ack.attrs).toMatchObject({ class: 'message', from: bob.jid })
  expect(ack.attrs.error).toBeUndefined()

  const atBob = await b1.next(named('message', 'M1'))
  expect(atBob.attrs).toEqual({
    id: 'M1',
    type: 'text',
    from: `${alice.number}:1@s.whatsapp.net`,
    sender_lid: alice.lid,
    notify: 'Alice',
    t: ack.attrs.t,
  })
  expect(ciphertext(atBob)).toBe('for b1')
  expect(childOf(atBob, 'biz')).toBeDefined()
  expect(childOf(atBob, 'participants')).toBeUndefined()

  const atOwn = await a2.next(named('message', 'M1'))
  expect(atOwn.attrs).toEqual({
    id: 'M1',
    type: 'text',
    from: `${alice.number}:1@s.whatsapp.net`,
    recipient: bob.jid,
    peer_recipient_lid: bob.lid,
    notify: 'Alice',
    t: ack.attrs.t,
  })
  expect(ciphertext(atOwn)).toBe('for a2')
})

test('a message by LID is told by LID', async () => {
  a1.send(message('M2', bob.lid, { [bob.lid.replace('@', ':1@')]: 'x', [alice.lid.replace('@', ':2@')]: 'y' }))
  expect((await b1.next(named('message', 'M2'))).attrs).toMatchObject({ from: alice.lid.replace('@', ':1@'), sender_pn: alice.jid })
  expect((await a2.next(named('message', 'M2'))).attrs).toMatchObject({
    from: alice.lid.replace('@', ':1@'),
    recipient: bob.lid,
    peer_recipient_pn: bob.jid,
  })
})

test('a message to nobody is acknowledged with an error', async () => {
  a1.send(message('M3', '5511999999999@s.whatsapp.net', {}))
  expect((await a1.next((s) => s.tag === 'ack' && s.attrs.id === 'M3')).attrs.error).toBe('404')
})

test('a retry goes to the one device asked, and its answer to the one device that asked', async () => {
  a1.send(message('M4', bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: 'unreadable' }))
  await b1.next(named('message', 'M4'))
  const content = [node('retry', { count: '1', id: 'M4', t: '1', v: '1' }), node('registration', {}, Buffer.from([0, 0, 0, 9]))]
  b1.send(node('receipt', { id: 'M4', type: 'retry', to: `${alice.number}:1@s.whatsapp.net` }, content))
  const asked = await a1.next(named('receipt', 'M4'))
  expect(asked.attrs).toMatchObject({ type: 'retry', from: `${bob.number}:1@s.whatsapp.net` })
  expect(childOf(asked, 'retry')?.attrs).toEqual(content[0]?.attrs)
  expect(a2.received.some(named('receipt', 'M4'))).toBe(false)

  const enc = node('enc', { v: '2', type: 'pkmsg', count: '1' }, Buffer.from('readable'))
  a1.send(node('message', { id: 'M4', to: `${bob.number}:1@s.whatsapp.net`, type: 'text', device_fanout: 'false' }, [enc]))
  const again = await b1.next(named('message', 'M4'))
  expect(again.attrs).toMatchObject({ from: `${alice.number}:1@s.whatsapp.net`, sender_lid: alice.lid })
  expect(ciphertext(again)).toBe('readable')
})

test('the answer to an own device’s retry names the conversation', async () => {
  const enc = node('enc', { v: '2', type: 'msg', count: '1' }, Buffer.from('again'))
  a1.send(node('message', { id: 'M5', to: `${alice.number}:2@s.whatsapp.net`, recipient: bob.jid, type: 'text' }, [enc]))
  expect((await a2.next(named('message', 'M5'))).attrs).toMatchObject({ recipient: bob.jid, peer_recipient_lid: bob.lid })
})

test('delivery and read receipts reach all devices of the sender; own devices hear what was read', async () => {
  b1.send(node('receipt', { id: 'M6', to: `${alice.number}:1@s.whatsapp.net`, type: 'inactive' }))
  for (const device of [a1, a2])
    expect((await device.next(named('receipt', 'M6'))).attrs).toMatchObject({ from: bob.jid, type: 'inactive' })

  const list = [node('list', {}, [node('item', { id: 'M8' })])]
  a1.send(node('receipt', { id: 'M7', to: bob.jid, type: 'read', t: '1700000000' }, list))
  const read = await b1.next(named('receipt', 'M7'))
  expect(read.attrs).toEqual({ id: 'M7', from: alice.jid, type: 'read', t: '1700000000' })
  expect(read.content).toEqual(list)
  expect((await a2.next(named('receipt', 'M7'))).attrs).toMatchObject({
    recipient: bob.jid,
    from: `${alice.number}:1@s.whatsapp.net`,
    type: 'read',
  })
})

test('a read receipt the reader keeps private reaches the own devices only', async () => {
  a1.send(node('receipt', { id: 'M9', to: bob.jid, type: 'read-self' }))
  await a2.next(named('receipt', 'M9'))
  expect(b1.received.some(named('receipt', 'M9'))).toBe(false)
})

test('receipts between a device and the server are not passed on', async () => {
  for (const type of ['sender', 'peer_msg', 'hist_sync', 'server-error']) a1.send(node('receipt', { id: `X-${type}`, to: bob.jid, type }))
  await a1.query('w:p', 'get', [node('ping')])
  expect(b1.received.some((s) => s.tag === 'receipt' && s.attrs.id?.startsWith('X-'))).toBe(false)
})

test('blocked people are accepted and not heard', async () => {
  expect((await b1.query('blocklist', 'set', [node('item', { action: 'block', jid: alice.lid, pn_jid: alice.jid })])).attrs.type).toBe(
    'result',
  )
  a1.send(message('M10', bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: 'x', [`${alice.number}:2@s.whatsapp.net`]: 'y' }))
  expect((await a1.next((s) => s.tag === 'ack' && s.attrs.id === 'M10')).attrs.error).toBeUndefined()
  await a2.next(named('message', 'M10'))
  expect(b1.received.some(named('message', 'M10'))).toBe(false)
  expect((await network.call('GET', `/phones/${bob.number}/blocklist`)).body).toEqual({ blocked: [{ lid: alice.lid, jid: alice.jid }] })
})

test('what an absent companion misses waits for it, in order, marked as offline', async () => {
  await b1.close()
  await expect.poll(async () => (await network.show(bob.number)).devices[0]?.connected).toBe(false)
  for (const id of ['Q1', 'Q2', 'Q3']) a1.send(message(id, bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: id }))
  a1.send(node('chatstate', { from: alice.jid, to: bob.jid }, [node('composing')]))
  await a1.next((s) => s.tag === 'ack' && s.attrs.id === 'Q3')
  const { RawCompanion } = await import('./raw-companion.ts')
  const back = await RawCompanion.connect(network.info, b1.me)
  expect(await back.goActive()).toBe(3)
  const preview = await back.next((s) => childOf(s, 'offline_preview') !== undefined)
  expect(childOf(preview, 'offline_preview')?.attrs).toMatchObject({ count: '3', message: '3', receipt: '0', notification: '0' })
  const messages = back.received.filter((s) => s.tag === 'message' && s.attrs.category !== 'peer')
  expect(messages.map((s) => [s.attrs.id, s.attrs.offline])).toEqual([
    ['Q1', '1'],
    ['Q2', '1'],
    ['Q3', '1'],
  ])
  expect(back.received.some((s) => s.tag === 'chatstate')).toBe(false)
  b1 = back
})

test('a message that was not confirmed when the client died is delivered again', async () => {
  b1.acknowledging = false
  a1.send(message('C1', bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: 'first' }))
  a1.send(message('C2', bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: 'second' }))
  await b1.next(named('message', 'C2'))
  // One is stored and confirmed with a receipt; then the process dies.
  b1.send(node('receipt', { id: 'C1', to: `${alice.number}:1@s.whatsapp.net` }))
  await b1.query('w:p', 'get', [node('ping')])
  await b1.kill()
  await expect.poll(async () => (await network.show(bob.number)).devices[0]?.connected).toBe(false)
  const back = await network.login(b1.me)
  expect(back.received.filter((s) => s.tag === 'message').map((s) => [s.attrs.id, ciphertext(s)])).toEqual([['C2', 'second']])
})

test('a hung companion keeps nobody waiting', async () => {
  b1.hang()
  const big = 'x'.repeat(200_000)
  for (let index = 0; index < 20; index += 1) a1.send(message(`H${index}`, bob.jid, { [`${bob.number}:1@s.whatsapp.net`]: big }))
  await a1.next((s) => s.tag === 'ack' && s.attrs.id === 'H19')
  a1.send(message('H-own', alice.jid, { [`${alice.number}:2@s.whatsapp.net`]: 'note to self' }))
  await a2.next(named('message', 'H-own'))
})

test('presence is told to who asked for it, and typing to the chat', async () => {
  a1.send(node('presence', { to: bob.jid, id: 'S1', type: 'subscribe' }))
  expect((await a1.next((s) => s.tag === 'presence')).attrs).toEqual({ from: bob.jid, type: 'unavailable', last: 'deny' })
  b1.send(node('presence', { type: 'available', name: 'Bobby' }))
  expect((await a1.next((s) => s.tag === 'presence')).attrs).toEqual({ from: bob.jid })
  expect((await network.call('GET', `/phones/${bob.number}/profile`)).body).toMatchObject({ name: 'Bobby', online: true })
  b1.send(node('chatstate', { from: bob.jid, to: alice.jid }, [node('composing', { media: 'audio' })]))
  const typing = await a1.next((s) => s.tag === 'chatstate')
  expect(typing).toMatchObject({ attrs: { from: bob.jid }, content: [{ tag: 'composing', attrs: { media: 'audio' } }] })
  await b1.close()
  const gone = await a1.next((s) => s.tag === 'presence')
  expect(gone.attrs.type).toBe('unavailable')
  expect(Number(gone.attrs.last)).toBeGreaterThan(1_700_000_000)
})

test('a call rings on every device and stops when one of them has rejected it', async () => {
  const offer = node('offer', { 'call-id': 'CALL1', 'call-creator': `${bob.number}:1@s.whatsapp.net` }, [
    node('audio', { enc: 'opus' }),
    node('destination', {}, [
      node('to', { jid: `${alice.number}:1@s.whatsapp.net` }, [node('enc', { type: 'msg', v: '2' }, Buffer.from('key'))]),
    ]),
  ])
  const ack = await b1.request(node('call', { to: alice.jid }, [offer]))
  expect(ack).toMatchObject({ tag: 'ack', attrs: { class: 'call', type: 'offer', from: alice.jid } })
  const ringing = await a1.next((s) => s.tag === 'call')
  expect(ringing.attrs.from).toBe(`${bob.number}:1@s.whatsapp.net`)
  expect(childOf(ringing, 'offer')?.attrs).toMatchObject({ 'call-id': 'CALL1', caller_pn: bob.jid })
  expect(ciphertext(childOf(ringing, 'offer'))).toBe('key')
  expect(ciphertext(childOf(await a2.next((s) => s.tag === 'call'), 'offer'))).toBeUndefined()

  const reject = node('reject', { 'call-id': 'CALL1', 'call-creator': `${bob.number}:1@s.whatsapp.net`, count: '0' })
  await a1.request(node('call', { from: `${alice.number}:1@s.whatsapp.net`, to: `${bob.number}:1@s.whatsapp.net` }, [reject]))
  expect(childOf(await b1.next((s) => s.tag === 'call'), 'reject')?.attrs['call-id']).toBe('CALL1')
  expect(childOf(await a2.next((s) => childOf(s, 'terminate') !== undefined), 'terminate')?.attrs.reason).toBe('rejected_elsewhere')
})

test('a call link is made by the server', async () => {
  const answer = await a1.request(node('call', { to: '@call' }, [node('link_create', { media: 'video' })]))
  expect(childOf(answer, 'link_create')?.attrs.token).toMatch(/^[\w-]{22}$/)
})

function message(id: string, to: string, copies: Record<string, string>, more: BinaryNode[] = []): BinaryNode {
  const participants = Object.entries(copies).map(([jid, text]) =>
    node('to', { jid }, [node('enc', { v: '2', type: 'msg' }, Buffer.from(text))]),
  )
  return node('message', { id, to, type: 'text' }, [node('participants', {}, participants), ...more])
}

const named = (tag: string, id: string) => (stanza: BinaryNode) => stanza.tag === tag && stanza.attrs.id === id
const ciphertext = (stanza: BinaryNode | undefined) => {
  const content = childOf(stanza, 'enc')?.content
  return content instanceof Uint8Array ? Buffer.from(content).toString() : content
}
