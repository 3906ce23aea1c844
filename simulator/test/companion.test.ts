/** A real client and simulated phones on the real network: what people would see. */
import { proto } from 'baileys'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Network, startNetwork } from '../src/network.ts'
import { createPhone } from '../src/phone/phone.ts'
import { Companion } from './companion.ts'

vi.setConfig({ testTimeout: 20_000 })

/** Generous: the machine may be busy with other things. */
const SOON = { interval: 20 }

let network: Network
const troubles: string[] = []
const companions: Companion[] = []

beforeEach(async () => {
  network = await startNetwork({ port: 0, createPhone, trouble: (words) => troubles.push(words) })
})

afterEach(async () => {
  for (const companion of companions.splice(0)) await companion.close()
  await network.close()
  expect(troubles.splice(0)).toEqual([])
})

interface Phone {
  number: string
  jid: string
  lid: string
}

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(network.info.api + path, {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text || 'null')
}

const newPhone = (number: string, more: object = {}) => api<Phone>('POST', '/phones', { number, ...more })
const read = (number: string, after = 0) =>
  api<{ messages: { id: string; chat: string; from: string; fromMe: boolean; text: string; type: string }[]; cursor: number }>(
    'GET',
    `/phones/${number}/messages?after=${after}&wait=5000`,
  )

function companion(): Companion {
  const { whatsappUrl, rootKey, mediaCa } = network.info
  const made = new Companion({ whatsappUrl, rootKey, mediaCa })
  companions.push(made)
  return made
}

async function linked(number: string): Promise<Companion> {
  const made = companion()
  await api('POST', `/phones/${number}/scan`, { qr: await made.qr() })
  await made.open()
  return made
}

const ANA = '5511900000001'
const BIA = '5511900000002'

test('a companion links by QR, gets the key, the history and the name, and talks both ways', async () => {
  await newPhone(ANA, { name: 'Ana' })
  const bia = await newPhone(BIA, { name: 'Bia' })
  await api('POST', `/phones/${BIA}/messages`, { to: `${ANA}@s.whatsapp.net`, text: 'antes de tudo' })
  await api('POST', `/phones/${BIA}/messages`, { to: `${ANA}@s.whatsapp.net`, text: 'e ainda' })
  const client = await linked(ANA)
  expect(client.jid).toMatch(new RegExp(`^${ANA}:\\d+@s.whatsapp.net$`))
  await client.until('the recent history', () => client.history.find(({ progress }) => progress === 100))
  const texts = client.history.flatMap(({ messages }) => messages.map(({ message }) => message?.conversation))
  expect(texts.toSorted()).toEqual(['antes de tudo', 'e ainda'])
  expect(await client.sock.signalRepository.lidMapping.getPNForLID(bia.lid)).toContain(BIA)
  await client.until('the own name', () => (client.creds.me?.name === 'Ana' ? true : undefined))

  const id = await client.sendText(bia.jid, 'oi Bia')
  expect(await read(BIA, 2)).toMatchObject({ messages: [{ id, text: 'oi Bia', from: `${ANA}@s.whatsapp.net`, fromMe: false }] })
  expect(await read(ANA, 2)).toMatchObject({ messages: [{ id, text: 'oi Bia', chat: bia.jid, fromMe: true }] })
  await client.until('the delivery', () => client.updates.find(({ key, update }) => key.id === id && update.status === 3))

  await api('POST', `/phones/${BIA}/messages`, { to: `${ANA}@s.whatsapp.net`, text: 'oi Ana' })
  const answer = await client.nextMessage(({ message }) => Boolean(message?.conversation))
  expect(answer).toMatchObject({ key: { remoteJid: bia.jid, fromMe: false }, message: { conversation: 'oi Ana' }, pushName: 'Bia' })

  await api('POST', `/phones/${ANA}/messages`, { to: bia.jid, text: 'do telefone' })
  const own = await client.nextMessage(({ key, message }) => key.fromMe === true && Boolean(message?.conversation))
  expect(own).toMatchObject({ key: { remoteJid: bia.jid }, message: { conversation: 'do telefone' } })
})

test('a companion links by pairing code', async () => {
  await newPhone(ANA)
  const client = companion()
  const code = await client.pairingCode(ANA)
  await api('POST', `/phones/${ANA}/pairing-code`, { code })
  await client.open()
  expect(client.jid).toContain(ANA)
})

test('a companion that lost its sessions asks again and gets the message', async () => {
  await newPhone(ANA)
  await newPhone(BIA)
  const client = await linked(ANA)
  await say(BIA, ANA, 'um')
  expect(await nextText(client)).toBe('um')
  client.signal.loseSessions()
  await say(BIA, ANA, 'dois')
  expect(await nextText(client)).toBe('dois')
  await say(ANA, BIA, 'do telefone')
  expect(await nextText(client)).toBe('do telefone')
})

test('a phone that cannot read a message asks again, and the client answers', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  await client.sendText(bia.jid, 'um')
  await read(BIA)
  await api('POST', '/faults', { match: { phone: ANA, tag: 'message', direction: 'in', times: 2 }, action: 'corrupt' })
  await client.sendText(bia.jid, 'dois')
  expect(await read(BIA, 1)).toMatchObject({ messages: [{ text: 'dois' }] })
  await client.sendText(bia.jid, 'três')
  expect(await read(BIA, 2)).toMatchObject({ messages: [{ text: 'três' }] })
})

test('both sides write at once before there is any session', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  const numbers = Array.from({ length: 8 }, (_, i) => String(i))
  await Promise.all(numbers.flatMap((n) => [client.sendText(bia.jid, `c${n}`), say(BIA, ANA, `p${n}`)]))
  const got: string[] = []
  while (got.length < numbers.length) got.push(await nextText(client))
  expect(got.toSorted()).toEqual(numbers.map((n) => `p${n}`))
  await expect.poll(async () => texts(await readNow(BIA), (message) => !message.fromMe), SOON).toEqual(numbers.map((n) => `c${n}`))
})

test('two companions of different people talk to each other and their phones see it', async () => {
  const ana = await newPhone(ANA)
  const bia = await newPhone(BIA)
  const [ofAna, ofBia] = await Promise.all([linked(ANA), linked(BIA)])
  await ofAna.sendText(bia.jid, 'oi')
  expect(await nextText(ofBia)).toBe('oi')
  await ofBia.sendText(ana.lid, 'por LID')
  expect(await nextText(ofAna)).toBe('por LID')
  await expect.poll(async () => texts(await readNow(BIA)), SOON).toEqual(['oi', 'por LID'])
  const { messages } = await readNow(ANA)
  expect(messages.map(({ chat, fromMe, text }) => [chat, fromMe, text])).toEqual([
    [bia.jid, true, 'oi'],
    [bia.jid, false, 'por LID'],
  ])
})

test('two companions of one account each get what the other and the phone send', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  const one = await linked(ANA)
  const two = await linked(ANA)
  await one.sendText(bia.jid, 'de um')
  expect(await nextText(two)).toBe('de um')
  await say(ANA, BIA, 'do telefone')
  expect([await nextText(one), await nextText(two)]).toEqual(['do telefone', 'do telefone'])
  await expect.poll(async () => texts(await readNow(ANA)), SOON).toEqual(['de um', 'do telefone'])
})

test('edits, reactions and revokes reach the phone by their kind', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  const sent = await client.sock.sendMessage(bia.jid, { text: 'errado' })
  if (!sent) throw new Error('nothing was sent')
  await client.sock.sendMessage(bia.jid, { text: 'certo', edit: sent.key })
  await client.sock.sendMessage(bia.jid, { react: { text: '👍', key: sent.key } })
  await client.sock.sendMessage(bia.jid, { delete: sent.key })
  await expect.poll(async () => (await readNow(BIA)).messages.length, SOON).toBe(4)
  const { messages } = await readNow(BIA)
  expect(messages.map(({ type, text }) => [type, text])).toEqual([
    ['extendedTextMessage', 'errado'],
    ['protocolMessage', 'certo'],
    ['reactionMessage', '👍'],
    ['protocolMessage', ''],
  ])
})

test('what a companion pins and renames is known to the phone, and the other way round', async () => {
  await newPhone(ANA, { name: 'Ana' })
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  await client.until('the own name', () => (client.creds.me?.name === 'Ana' ? true : undefined))
  await client.until('the app-state key', () => client.creds.myAppStateKeyId)
  await client.sock.chatModify({ pin: true }, bia.jid)
  const state = () => api<Record<string, Record<string, object>>>('GET', `/phones/${ANA}/app-state`)
  await expect
    .poll(async () => (await state()).regular_low?.[JSON.stringify(['pin_v1', bia.jid])])
    .toMatchObject({ pinAction: { pinned: true } })
  await client.sock.chatModify({ pin: false }, bia.jid)
  await expect
    .poll(async () => (await state()).regular_low?.[JSON.stringify(['pin_v1', bia.jid])])
    .toMatchObject({ pinAction: { pinned: false } })
  await api('PATCH', `/phones/${ANA}`, { name: 'Ana Maria' })
  await client.until('the new name', () => (client.creds.me?.name === 'Ana Maria' ? true : undefined))
})

test('older messages come on demand', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  for (const text of ['um', 'dois', 'três']) await say(BIA, ANA, text)
  await expect.poll(async () => (await readNow(ANA)).messages.length, SOON).toBe(3)
  const client = await linked(ANA)
  await client.until('the recent history', () => client.history.find(({ progress }) => progress === 100))
  // Within one connection Baileys leaves out of a history what it was given before.
  await client.disconnect()
  client.reconnect()
  await client.open()
  const last = (await readNow(ANA)).messages.at(-1)
  const request = await client.sock.fetchMessageHistory(10, { remoteJid: bia.jid, fromMe: false, id: last?.id }, 0)
  const older = await client.until('older messages', () => client.history.find(({ syncType }) => syncType === 6))
  expect(older.peerDataRequestSessionId).toBe(request)
  expect(older.messages.map(({ message }) => message?.conversation)).toEqual(['dois', 'um'])
})

test('the phone gives a companion a message it could not read, and keys it asks for', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  await say(BIA, ANA, 'um')
  await say(BIA, ANA, 'dois')
  await expect.poll(async () => (await readNow(ANA)).messages.length, SOON).toBe(2)
  const client = await linked(ANA)
  await client.until('the recent history', () => client.history.find(({ progress }) => progress === 100))
  const [first] = (await readNow(ANA)).messages
  await client.sock.requestPlaceholderResend({ remoteJid: bia.jid, fromMe: false, id: first?.id })
  expect(await client.nextMessage(({ key }) => key.id === first?.id)).toMatchObject({ message: { conversation: 'um' } })

  const keyId = Buffer.from(client.creds.myAppStateKeyId ?? '', 'base64')
  const unknown = Buffer.from('nobody')
  const type = proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_REQUEST
  const appStateSyncKeyRequest = { keyIds: [{ keyId }, { keyId: unknown }] }
  const asked = client.messages.length
  await client.sock.relayMessage(
    `${ANA}@s.whatsapp.net`,
    { protocolMessage: { type, appStateSyncKeyRequest } },
    { additionalAttributes: { category: 'peer' } },
  )
  const shared = await client.until('the keys', () =>
    client.messages.slice(asked).find(({ message }) => message?.protocolMessage?.appStateSyncKeyShare),
  )
  const { keys = [] } = shared.message?.protocolMessage?.appStateSyncKeyShare ?? {}
  expect(keys?.map(({ keyData }) => keyData?.keyData?.length)).toEqual([32, undefined])
})

test('a phone that was offline catches up in order, and its unlinked companion is out', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  await api('PATCH', `/phones/${BIA}`, { online: false })
  for (const text of ['um', 'dois', 'três']) await client.sendText(bia.jid, text)
  expect((await readNow(BIA)).messages).toEqual([])
  await api('PATCH', `/phones/${BIA}`, { online: true })
  await expect.poll(async () => texts(await readNow(BIA)), SOON).toEqual(['um', 'dois', 'três'])

  const closed = client.closed()
  await api('DELETE', `/phones/${ANA}/devices/1`)
  expect(await closed).toBe(401)
  await say(BIA, ANA, 'ainda aí?')
  await expect.poll(async () => texts(await readNow(ANA)), SOON).toEqual(['um', 'dois', 'três', 'ainda aí?'])
  const again = await linked(ANA)
  await say(BIA, ANA, 'bem-vinda')
  expect(await nextText(again)).toBe('bem-vinda')
})

test('files go both ways through the media host', async () => {
  const ana = await newPhone(ANA)
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  const report = Buffer.from('%PDF-1.7 quarterly numbers')
  const media = { base64: report.toString('base64'), mimetype: 'application/pdf' }
  await api('POST', `/phones/${BIA}/messages`, { to: ana.jid, text: 'relatório', media })
  const received = await client.nextMessage(({ message }) => Boolean(message?.documentMessage || message?.documentWithCaptionMessage))
  expect(Buffer.from(await client.download(received))).toEqual(report)

  await client.sock.sendMessage(bia.jid, { document: report, mimetype: 'application/pdf', fileName: 'q3.pdf', caption: 'de volta' })
  expect(await read(BIA, 1)).toMatchObject({ messages: [{ type: 'documentMessage', text: 'de volta', media }] })
})

test('a call rings at the client, which rejects it', async () => {
  await newPhone(ANA)
  await newPhone(BIA)
  const client = await linked(ANA)
  const { callId } = await api<{ callId: string }>('POST', `/phones/${BIA}/calls`, { to: `${ANA}@s.whatsapp.net` })
  const offer = await client.until('the call', () => client.calls.find(({ status }) => status === 'offer'))
  expect(offer.id).toBe(callId)
  await client.sock.rejectCall(offer.id, offer.from)
  await expect.poll(() => api(`GET`, `/phones/${BIA}/calls`), SOON).toMatchObject({ calls: [{ callId, state: 'rejected' }] })
})

test('read receipts and typing reach the client', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA)
  const client = await linked(ANA)
  const id = await client.sendText(bia.jid, 'leu?')
  await read(BIA)
  await api('POST', `/phones/${BIA}/receipts`, { chat: `${ANA}@s.whatsapp.net`, ids: [id], type: 'read' })
  await client.until('the read receipt', () => client.updates.find(({ key, update }) => key.id === id && update.status === 4))
  await client.sock.presenceSubscribe(bia.jid)
  await api('POST', `/phones/${BIA}/presence`, { to: `${ANA}@s.whatsapp.net`, state: 'typing' })
  await client.until('typing', () =>
    client.presences.find(({ presences }) => Object.values(presences).some(({ lastKnownPresence }) => lastKnownPresence === 'composing')),
  )
})

test('an echo phone answers a client, and asks nobody who is not there', async () => {
  await newPhone(ANA)
  const bia = await newPhone(BIA, { echo: true })
  const client = await linked(ANA)
  await client.sendText(bia.jid, 'eco')
  expect(await nextText(client)).toBe('echo: eco')
  expect(await api('GET', '/unanswered')).toEqual([])
})

const say = (from: string, to: string, text: string) =>
  api<{ id: string }>('POST', `/phones/${from}/messages`, { to: `${to}@s.whatsapp.net`, text })

/** Of conversations only: not the protocol messages between devices. */
async function nextText(client: Companion): Promise<string> {
  const { message } = await client.nextMessage(({ message }) => Boolean(message?.conversation || message?.extendedTextMessage))
  return message?.conversation || message?.extendedTextMessage?.text || ''
}

type Read = Awaited<ReturnType<typeof read>>

const readNow = (number: string) => api<Read>('GET', `/phones/${number}/messages`)

const texts = ({ messages }: Read, wanted: (message: Read['messages'][number]) => boolean = () => true) =>
  messages.filter(wanted).map(({ text }) => text)
