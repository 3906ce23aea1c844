/** Stories of a network that misbehaves on request. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BinaryNode, childOf, node } from '../src/wire/nodes.ts'
import { type ShownPhone, Simulator } from './harness.ts'
import { RawCompanion } from './raw-companion.ts'

let network: Simulator
let ana: ShownPhone
let bia: ShownPhone
let a: RawCompanion
let b: RawCompanion

beforeEach(async () => {
  network = await Simulator.start()
  ana = await network.phone('5511900000001')
  bia = await network.phone('5511900000002')
  a = await network.companion(ana.number)
  b = await network.companion(bia.number)
})

afterEach(() => network.stop())

const fault = async (body: object): Promise<string> => {
  const { status, body: answer } = await network.call('POST', '/faults', body)
  expect(status).toBe(201)
  return answer.id
}
const write = (id: string) => {
  const enc = node('enc', { v: '2', type: 'msg' }, Buffer.from(id))
  a.send(
    node('message', { id, to: bia.jid, type: 'text' }, [
      node('participants', {}, [node('to', { jid: `${bia.number}:1@s.whatsapp.net` }, [enc])]),
    ]),
  )
}
const ping = (who: RawCompanion) => who.query('w:p', 'get', [node('ping')])
const got = (who: RawCompanion) => who.received.filter((s) => s.tag === 'message' && s.attrs.category !== 'peer').map((s) => s.attrs.id)
const named = (id: string) => (stanza: BinaryNode) => stanza.attrs.id === id

test('drop: on the way in the sender hears nothing, on the way out the message comes after the next login', async () => {
  await fault({ match: { phone: ana.number, tag: 'message', direction: 'in', times: 1 }, action: 'drop' })
  write('D1')
  await fault({ match: { phone: bia.number, tag: 'message', direction: 'out', times: 1 }, action: 'drop' })
  write('D2')
  write('D3')
  await b.next(named('D3'))
  expect(got(b)).toEqual(['D3'])
  expect(a.received.some(named('D1'))).toBe(false)
  await b.close()
  const back = await network.login(b.me)
  expect(got(back)).toEqual(['D2'])
})

test('delay, duplicate, reorder', async () => {
  await fault({ match: { phone: bia.number, tag: 'message', direction: 'out' }, times: 1, action: 'delay', ms: 50 })
  write('L1')
  write('L2')
  await b.next(named('L1'))
  expect(got(b)).toEqual(['L2', 'L1'])

  await fault({ match: { phone: bia.number, tag: 'message', direction: 'out', times: 1 }, action: 'duplicate' })
  write('U1')
  write('U2')
  await b.next(named('U2'))
  expect(got(b).slice(2)).toEqual(['U1', 'U1', 'U2'])

  await fault({ match: { phone: bia.number, tag: 'message', direction: 'out', times: 1 }, action: 'reorder' })
  write('R1')
  write('R2')
  await b.next(named('R1'))
  expect(got(b).slice(5)).toEqual(['R2', 'R1'])
})

test('corrupt: the ciphertext is damaged, or the line itself', async () => {
  await fault({ match: { phone: bia.number, tag: 'message', times: 1 }, action: 'corrupt' })
  write('K1')
  expect(Buffer.from(childOf(await b.next(named('K1')), 'enc')?.content as Uint8Array).toString('latin1')).toBe(
    `K${String.fromCharCode(0x31 ^ 0xff)}`,
  )
})

test('errors instead of answers', async () => {
  await fault({ match: { phone: ana.number, times: 1 }, action: 'ack-error', code: 463 })
  write('E1')
  expect((await a.next(named('E1'))).attrs).toMatchObject({ class: 'message', error: '463', from: bia.jid })
  write('E2')
  await b.next(named('E2'))
  expect(got(b)).toEqual(['E2'])

  const id = await fault({ match: { phone: ana.number, xmlns: 'usync' }, action: 'iq-error', code: 429, text: 'rate-overlimit' })
  expect(childOf(await a.query('usync', 'get'), 'error')?.attrs).toEqual({ code: '429', text: 'rate-overlimit' })
  expect((await ping(a)).attrs.type).toBe('result')
  expect((await network.call('DELETE', `/faults/${id}`)).status).toBe(204)
  expect(childOf(await a.query('usync', 'get'), 'error')?.attrs.code).toBe('400')
})

test('the connection ends: at once, with a code, or with the first stanza that fits', async () => {
  await fault({ match: { phone: ana.number }, action: 'stream-error', code: 503 })
  expect((await a.next((s) => s.tag === 'stream:error')).attrs.code).toBe('503')
  await a.closed
  expect((await network.call('GET', '/faults')).body).toEqual([])

  await fault({ match: { phone: bia.number, tag: 'presence' }, action: 'close' })
  expect((await ping(b)).attrs.type).toBe('result')
  b.send(node('presence', { type: 'available' }))
  await b.closed
  expect(await (await network.login(b.me)).query('w:p', 'get', [node('ping')])).toBeDefined()
})

test('silence: the line stays open and says nothing, and what was missed is there afterwards', async () => {
  const id = await fault({ match: { phone: bia.number }, action: 'silence' })
  write('S1')
  await a.next(named('S1'))
  b.send(node('iq', { id: 'unheard', to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' }, [node('ping')]))
  await ping(a)
  expect(got(b)).toEqual([])
  await network.call('DELETE', `/faults/${id}`)
  await b.kill()
  await expect.poll(async () => (await network.show(bia.number)).devices[0]?.connected).toBe(false)
  expect(got(await network.login(b.me))).toEqual(['S1'])
})

describe('refuse-connections', () => {
  test('everybody', async () => {
    await fault({ action: 'refuse-connections', times: 1 })
    await expect(RawCompanion.connect(network.info)).rejects.toThrow('503')
    await (await RawCompanion.connect(network.info)).close()
  })

  test('one phone', async () => {
    await a.close()
    const id = await fault({ match: { phone: ana.number }, action: 'refuse-connections', code: 403 })
    const refused = await RawCompanion.connect(network.info, a.me)
    expect((await refused.next((s) => s.tag === 'failure')).attrs.reason).toBe('403')
    await network.call('DELETE', `/faults/${id}`)
    await network.login(a.me)
  })
})

test('a fault for one phone touches nobody else', async () => {
  await fault({ match: { phone: ana.number }, action: 'silence' })
  expect((await ping(b)).attrs.type).toBe('result')
})

test('a stanza given as it is: once, and again until it is confirmed', async () => {
  const content = [{ tag: 'plaintext', content: { base64: Buffer.from('raw').toString('base64') } }]
  const given = { tag: 'message', attrs: { id: 'R1', from: '120363@newsletter' }, content }
  expect((await network.call('POST', `/phones/${bia.number}/devices/1/stanzas`, given)).status).toBe(204)
  const stanza = await b.next(named('R1'))
  expect(Buffer.from(childOf(stanza, 'plaintext')?.content as Uint8Array).toString()).toBe('raw')
  expect((await network.call('POST', `/phones/${bia.number}/devices/9/stanzas`, given)).status).toBe(404)
  expect((await network.call('POST', `/phones/${bia.number}/devices/1/stanzas`, { attrs: {} })).status).toBe(400)
})
