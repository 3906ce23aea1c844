/** Stories of linking, logging in and being thrown out, told with a companion that knows nothing but the wire. */
import { proto } from 'baileys'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { childOf, childrenNamed, node } from '../src/wire/nodes.ts'
import { Simulator } from './harness.ts'
import { newKeyPair } from './noise-initiator.ts'
import { RawCompanion } from './raw-companion.ts'

const ALICE = '5511900000001'
let network: Simulator

beforeEach(async () => {
  network = await Simulator.start()
  await network.phone(ALICE)
})

afterEach(async () => {
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  expect(network.troubles).toEqual([])
  await network.stop()
})

test('a companion is linked by QR, sent to log in again, and is on the phone’s list', async () => {
  const companion = await RawCompanion.connect(network.info)
  const qr = await companion.qr()
  const [scanned, pairSuccess] = await Promise.all([network.call('POST', `/phones/${ALICE}/scan`, { qr }), companion.acceptPairing()])
  expect(scanned).toMatchObject({ status: 200, body: { id: 1, platform: 'CHROME', connected: false } })
  const success = childOf(pairSuccess, 'pair-success')
  const { jid, lid } = await network.show(ALICE)
  expect(childOf(success, 'device')?.attrs).toEqual({ jid: jid.replace('@', ':1@'), lid: lid.replace('@', ':1@') })
  expect(childOf(success, 'platform')?.attrs).toEqual({ name: 'android' })
  expect(companion.received.some((stanza) => stanza.tag === 'success')).toBe(false)

  const linked = await RawCompanion.connect(network.info, companion.me)
  const greeting = await linked.next((stanza) => stanza.tag === 'success')
  expect(greeting.attrs).toMatchObject({ lid: lid.replace('@', ':1@') })
  expect((await network.show(ALICE)).devices).toMatchObject([{ id: 1, connected: true }])
  await linked.close()
})

test('the phone shares its app-state key and the history with a new companion, as peer messages from its own account', async () => {
  const companion = await network.companion(ALICE)
  const { jid } = await network.show(ALICE)
  const shared = [await companion.next(isPeer), await companion.next(isPeer), await companion.next(isPeer)]
  expect(shared.every((message) => message.attrs.from === jid && message.attrs.recipient === undefined)).toBe(true)
  await companion.close()
})

test('a QR of nobody, a changed one and an expired one are refused', async () => {
  const companion = await RawCompanion.connect(network.info)
  const first = await companion.qr()
  expect(await network.call('POST', `/phones/${ALICE}/scan`, { qr: 'hello' })).toMatchObject({ status: 400 })
  expect(await network.call('POST', `/phones/${ALICE}/scan`, { qr: first.replace('#2@', '#2@x') })).toMatchObject({ status: 400 })
  network.advance(61_000)
  expect(await network.call('POST', `/phones/${ALICE}/scan`, { qr: first })).toMatchObject({
    status: 400,
    body: { error: 'the QR has expired' },
  })
  await companion.close()
  await expect
    .poll(async () => (await network.call('POST', `/phones/${ALICE}/scan`, { qr: first })).body.error)
    .toBe('the QR is unknown or has expired')
})

test('a QR shown after the first minute can be scanned then', async () => {
  const companion = await RawCompanion.connect(network.info)
  const stanza = await companion.next((s) => childOf(s, 'pair-device') !== undefined)
  const refs = childrenNamed(childOf(stanza, 'pair-device'), 'ref')
  expect(refs).toHaveLength(6)
  network.advance(70_000)
  const keys = [companion.me.noise.publicKey, companion.me.identity.publicKey, companion.me.advSecret].map((key) => key.toString('base64'))
  const qr = [String(refs[1]?.content), ...keys].join(',')
  const [scanned] = await Promise.all([network.call('POST', `/phones/${ALICE}/scan`, { qr }), companion.acceptPairing()])
  expect(scanned.status).toBe(200)
})

test('a companion that does not sign is not linked', async () => {
  const companion = await RawCompanion.connect(network.info)
  const qr = await companion.qr()
  const scanned = network.call('POST', `/phones/${ALICE}/scan`, { qr })
  const success = await companion.next((s) => childOf(s, 'pair-success') !== undefined)
  const answer = proto.ADVSignedDeviceIdentity.encode({ details: Buffer.from('no'), deviceSignature: Buffer.alloc(64, 1) }).finish()
  companion.send(
    node('iq', { id: success.attrs.id, to: 's.whatsapp.net', type: 'result' }, [
      node('pair-device-sign', {}, [node('device-identity', { 'key-index': '1' }, answer)]),
    ]),
  )
  expect(await scanned).toMatchObject({ status: 400, body: { error: 'the companion did not sign' } })
  expect((await network.show(ALICE)).devices).toEqual([])
})

test('strangers are refused: an unknown device, and a known one with another Noise key', async () => {
  const me = await network.link(ALICE)
  for (const stranger of [
    { ...me, jid: `${ALICE}:7@s.whatsapp.net` },
    { ...me, noise: newKeyPair() },
  ]) {
    const companion = await RawCompanion.connect(network.info, stranger)
    expect((await companion.next((stanza) => stanza.tag === 'failure')).attrs.reason).toBe('401')
    await companion.closed
  }
})

test('a client whose root is another one does not trust the server', async () => {
  const rootKey = newKeyPair().publicKey.toString('base64')
  await expect(RawCompanion.connect({ ...network.info, rootKey })).rejects.toThrow('intermediate signature')
})

test('the later login of a device replaces the earlier one', async () => {
  const first = await network.companion(ALICE)
  const second = await RawCompanion.connect(network.info, first.me)
  const error = await first.next((stanza) => stanza.tag === 'stream:error')
  expect(childOf(error, 'conflict')?.attrs).toEqual({ type: 'replaced' })
  await first.closed
  await second.goActive()
  expect((await network.show(ALICE)).devices).toMatchObject([{ connected: true }])
  await second.close()
  await expect.poll(async () => (await network.show(ALICE)).devices).toMatchObject([{ connected: false }])
})

test('unlinking on the phone throws the companion out for good', async () => {
  const companion = await network.companion(ALICE)
  const removed = network.call('DELETE', `/phones/${ALICE}/devices/1`)
  const error = await companion.next((stanza) => stanza.tag === 'stream:error')
  expect(error.attrs.code).toBe('401')
  expect(childOf(error, 'conflict')?.attrs).toEqual({ type: 'device_removed' })
  expect((await removed).status).toBe(204)
  const again = await RawCompanion.connect(network.info, companion.me)
  expect((await again.next((stanza) => stanza.tag === 'failure')).attrs.reason).toBe('401')
  expect((await network.show(ALICE)).devices).toEqual([])
  expect((await network.call('DELETE', `/phones/${ALICE}/devices/1`)).status).toBe(404)
})

test('a companion logs itself out', async () => {
  const companion = await network.companion(ALICE)
  const { jid = '' } = companion.me
  const answer = await companion.query('md', 'set', [node('remove-companion-device', { jid, reason: 'user_initiated' })])
  expect(answer.attrs.type).toBe('result')
  await companion.closed
  expect((await network.show(ALICE)).devices).toEqual([])
})

test('an edge route given at login is accepted in front of the next intro', async () => {
  const companion = await network.companion(ALICE)
  const edge = await companion.next((stanza) => childOf(stanza, 'edge_routing') !== undefined)
  const routingInfo = childOf(childOf(edge, 'edge_routing'), 'routing_info')?.content
  await companion.close()
  const again = await RawCompanion.connect(network.info, { ...companion.me, routingInfo: Buffer.from(routingInfo as Uint8Array) })
  await again.goActive()
  await again.close()
})

test('a garbled line ends that connection and no other', async () => {
  const first = await network.companion(ALICE)
  const second = await network.companion(ALICE)
  first.sendGarbage()
  await first.closed
  expect((await second.query('w:p', 'get', [node('ping')])).attrs.type).toBe('result')
  await second.close()
})

test('a companion’s own devices hear of a new one', async () => {
  const first = await network.companion(ALICE)
  const { jid, lid } = await network.show(ALICE)
  const second = await network.link(ALICE)
  const told = [await first.next(isDevices), await first.next(isDevices)].map((stanza) => [
    stanza.attrs.from,
    childOf(childOf(stanza, 'add'), 'device')?.attrs.jid,
  ])
  expect(told).toEqual([
    [jid, second.jid],
    [lid, second.lid],
  ])
  await first.close()
})

const isPeer = (stanza: { tag: string; attrs: Record<string, string> }) => stanza.tag === 'message' && stanza.attrs.category === 'peer'
const isDevices = (stanza: { tag: string; attrs: Record<string, string> }) =>
  stanza.tag === 'notification' && stanza.attrs.type === 'devices'
