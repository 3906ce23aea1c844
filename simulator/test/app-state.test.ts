/** What a person changes on the phone, seen by a companion: a real client and the control API. */
import type { BaileysEventMap } from 'baileys'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { childOf, childrenOf, node } from '../src/wire/nodes.ts'
import { Companion } from './companion.ts'
import { Simulator } from './harness.ts'

vi.setConfig({ testTimeout: 20_000 })

const ANA = '5511900000001'
const BIA = '5511900000002'

let network: Simulator
let client: Companion
let edits: BaileysEventMap['labels.edit'][]
let associations: BaileysEventMap['labels.association'][]

beforeEach(async () => {
  network = await Simulator.start()
  await network.phone(ANA)
  await network.phone(BIA)
})

afterEach(async () => {
  await client?.close()
  expect(network.troubles).toEqual([])
  await network.stop()
})

const label = (body: object) => network.call('POST', `/phones/${ANA}/labels`, body)

const link = async (): Promise<void> => {
  client = new Companion(network.info)
  edits = []
  associations = []
  const scanned = await network.call('POST', `/phones/${ANA}/scan`, { qr: await client.qr() })
  expect(scanned.status).toBe(200)
  await client.open()
  client.sock.ev.on('labels.edit', (edit) => void edits.push(edit))
  client.sock.ev.on('labels.association', (association) => void associations.push(association))
  await client.until('the app state', () => client.creds.accountSyncCounter || undefined)
}

describe('labels', () => {
  test('are made, changed, put on chats and messages, and taken off', async () => {
    await link()
    expect(await label({ name: 'Paid', color: 3 })).toEqual({ status: 201, body: { id: '1', name: 'Paid', color: 3, deleted: false } })
    expect((await label({ name: 'Later' })).body).toMatchObject({ id: '2' })
    await label({ id: '1', name: 'Paid', color: 4 })
    await label({ id: '2', name: 'Later', deleted: true })
    const jid = `${BIA}@s.whatsapp.net`
    expect((await label({ id: '1', chat: BIA })).body).toEqual({ id: '1', chat: jid, labeled: true })
    await label({ id: '1', chat: jid, messageId: '3EB0' })
    await label({ id: '1', chat: BIA, labeled: false })
    await expect.poll(() => associations.length).toBe(3)
    expect(edits).toMatchObject([
      { id: '1', name: 'Paid', color: 3 },
      { id: '2', name: 'Later' },
      { id: '1', color: 4 },
      { id: '2', deleted: true },
    ])
    expect(associations).toMatchObject([
      { type: 'add', association: { type: 'label_jid', chatId: jid, labelId: '1' } },
      { type: 'add', association: { type: 'label_message', chatId: jid, messageId: '3EB0' } },
      { type: 'remove', association: { chatId: jid } },
    ])
    expect((await network.call('GET', `/phones/${ANA}/app-state`)).body.regular).toMatchObject({
      '["label_edit","1"]': { labelEditAction: { name: 'Paid', color: 4, deleted: false } },
      [`["label_jid","1","${jid}"]`]: { labelAssociationAction: { labeled: false } },
    })
  })

  test.each<[string, object]>([
    ['a label without digits', { id: 'x', name: 'Paid' }],
    ['a chat without a label', { chat: BIA }],
    ['something else', { id: '1', nothing: true }],
  ])('%s is refused', async (_what, body) => {
    expect((await label(body)).status).toBe(400)
    expect((await network.call('POST', `/phones/5511900000009/labels`, body)).status).toBe(404)
  })
})

test('anything else the person does there', async () => {
  await link()
  const pin = { collection: 'regular_low', index: ['pin_v1', `${BIA}@s.whatsapp.net`], action: { pinAction: { pinned: true } } }
  expect((await network.call('POST', `/phones/${ANA}/app-state`, pin)).status).toBe(204)
  await client.until('the pin', () => client.chats.find(({ pinned }) => pinned))
  expect((await network.call('POST', `/phones/${ANA}/app-state`, { ...pin, collection: 'irregular' })).status).toBe(400)
  const known = async () => (await network.call('GET', `/phones/${ANA}/app-state`)).body.regular_low
  for (const [action, there] of [
    [null, []],
    [pin.action, [JSON.stringify(pin.index)]],
    [null, []],
  ] as const) {
    expect((await network.call('POST', `/phones/${ANA}/app-state`, { ...pin, action })).status).toBe(204)
    expect(Object.keys(await known())).toEqual(there)
  }
})

test('who has not read single changes that were folded gets a snapshot', async () => {
  const raw = await network.companion(ANA)
  await label({ name: 'Paid' })
  await label({ name: 'Later' })
  const read = async (version: number) => {
    const asked = node('collection', { name: 'regular', version: String(version), return_snapshot: String(version === 0) })
    const answer = await raw.query('w:sync:app:state', 'set', [node('sync', {}, [asked])])
    return childrenOf(childOf(childOf(answer, 'sync'), 'collection')).map(({ tag }) => tag)
  }
  expect(await read(0)).toEqual(['patches'])
  expect((await network.call('POST', `/phones/${ANA}/app-state/fold`)).status).toBe(204)
  expect([await read(0), await read(1), await read(2)]).toEqual([['snapshot'], ['snapshot'], []])
  await label({ name: 'New' })
  expect([await read(1), await read(2)]).toEqual([['snapshot'], ['patches']])
})

describe('a new key', () => {
  const shared = () => client.creds.myAppStateKeyId
  const renew = async (body?: object) => expect((await network.call('POST', `/phones/${ANA}/app-state/key`, body)).status).toBe(204)

  test('is shared at once', async () => {
    await link()
    const before = shared()
    await renew()
    await client.until('the new key', () => (shared() === before ? undefined : true))
    await label({ name: 'Paid' })
    await expect.poll(() => edits.map(({ name }) => name)).toEqual(['Paid'])
  })

  test('is shared when asked for, or never', async () => {
    await link()
    const before = shared()
    await renew({ share: 'asked' })
    await renew({ share: 'never' })
    await label({ name: 'Secret' })
    await client.until('nothing', () => true)
    expect([shared(), edits]).toEqual([before, []])
    expect((await network.call('POST', `/phones/${ANA}/app-state/key`, { share: 'maybe' })).status).toBe(400)
  })
})
