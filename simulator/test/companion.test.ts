/** A real client and simulated phones on the real network: what people would see. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Network, startNetwork } from '../src/network.ts'
import { createPhone } from '../src/phone/phone.ts'
import { Companion } from './companion.ts'

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
  return text ? JSON.parse(text) : undefined
}

const newPhone = (number: string, more: object = {}) => api<Phone>('POST', '/phones', { number, ...more })
const read = (number: string, after = 0) =>
  api<{ messages: { id: string; chat: string; from: string; fromMe: boolean; text: string; type: string }[]; cursor: number }>(
    'GET',
    `/phones/${number}/messages?after=${after}&wait=5000`,
  )

function companion(): Companion {
  const { whatsappUrl, rootKey } = network.info
  const made = new Companion({ whatsappUrl, rootKey })
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
