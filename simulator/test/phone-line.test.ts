/** A phone's line to the network, with a phone that does nothing by itself but remember. */
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Network, startNetwork } from '../src/network.ts'
import type { PhoneFactory } from '../src/phones.ts'
import { IqError, type PhonePort, type Uplink } from '../src/ports.ts'
import { type BinaryNode, childOf, node } from '../src/wire/nodes.ts'
import { newKeyPair } from './noise-initiator.ts'

interface Recorder {
  uplink: Uplink
  received: BinaryNode[]
}

let network: Network
let phones: Map<string, Recorder>

const recordingPhone: PhoneFactory = ({ identity, uplink }) => {
  const received: BinaryNode[] = []
  phones.set(identity.number, { uplink, received })
  const phone: Partial<PhonePort> = {
    identity,
    calls: [],
    start: async () => void (await uplink.query(upload())),
    receive: (stanza) => void received.push(stanza),
    configure: () => undefined,
    close: () => undefined,
  }
  return phone as PhonePort
}

function upload(): BinaryNode {
  const key = newKeyPair().publicKey
  return node('iq', { to: 's.whatsapp.net', type: 'set', xmlns: 'encrypt' }, [
    node('registration', {}, Buffer.alloc(4)),
    node('type', {}, Buffer.from([5])),
    node('identity', {}, key),
    node('list', {}, []),
    node('skey', {}, [node('id', {}, Buffer.alloc(3)), node('value', {}, key), node('signature', {}, Buffer.alloc(64))]),
  ])
}

beforeEach(async () => {
  phones = new Map()
  network = await startNetwork({ port: 0, createPhone: recordingPhone })
  for (const number of [ANA, BIA]) await api('POST', '/phones', { number })
})

afterEach(() => network.close())

const ANA = '5511900000001'
const BIA = '5511900000002'
const api = (method: string, path: string, body: object) =>
  fetch(network.info.api + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
function phone(number: string): Recorder {
  const found = phones.get(number)
  if (found === undefined) throw new Error(`no phone ${number}`)
  return found
}
const message = (id: string, to: string) => node('message', { id, to, type: 'text' }, [node('enc', { type: 'msg' }, Buffer.from(id))])
const ids = (number: string, tag: string) =>
  phone(number)
    .received.filter((s) => s.tag === tag)
    .map((s) => s.attrs.id)

test('what comes for an offline phone waits, and so does what it wants to send; neither is called offline afterwards', async () => {
  await api('PATCH', `/phones/${BIA}`, { online: false })
  phone(ANA).uplink.send(message('M1', `${BIA}@s.whatsapp.net`))
  phone(BIA).uplink.send(message('M2', `${ANA}@s.whatsapp.net`))
  expect([ids(BIA, 'message'), ids(ANA, 'message')]).toEqual([[], []])
  await expect(phone(BIA).uplink.query(node('iq', { type: 'get', xmlns: 'w:p' }))).rejects.toThrow(IqError)
  await api('PATCH', `/phones/${BIA}`, { online: true })
  expect([ids(BIA, 'message'), ids(ANA, 'message'), ids(BIA, 'ack')]).toEqual([['M1'], ['M2'], ['M2']])
  expect(phone(BIA).received.find((s) => s.tag === 'message')?.attrs.offline).toBeUndefined()
})

test('a refused request throws with its code', async () => {
  const picture = node('iq', { type: 'get', xmlns: 'w:profile:picture', target: `${BIA}@s.whatsapp.net` })
  await expect(phone(ANA).uplink.query(picture)).rejects.toMatchObject({ code: 404 })
})

test('a phone with new keys is a new identity for whoever has it among the contacts', async () => {
  phone(ANA).uplink.send(message('M1', `${BIA}@s.whatsapp.net`))
  await phone(BIA).uplink.query(upload())
  await turn()
  const told = phone(ANA).received.find((s) => s.tag === 'notification' && s.attrs.type === 'encrypt')
  expect(told?.attrs.from).toBe(`${BIA}@s.whatsapp.net`)
  expect(childOf(told, 'identity')).toBeDefined()
})

test('a phone that goes offline is no longer online for others', async () => {
  phone(BIA).uplink.send(node('presence', { type: 'available' }))
  phone(ANA).uplink.send(node('presence', { type: 'subscribe', to: `${BIA}@s.whatsapp.net` }))
  await api('PATCH', `/phones/${BIA}`, { online: false })
  expect(
    phone(ANA)
      .received.filter((s) => s.tag === 'presence')
      .map((s) => s.attrs.type),
  ).toEqual([undefined, 'unavailable'])
})
