import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { AddressBook, signalAddress } from './addresses.ts'
import { DeviceKeys } from './device-keys.ts'
import { bundleOfUser } from './prekey-bundle.ts'
import { Sessions, SignalError } from './sessions.ts'

const ANA = '91@lid'
const BIA = '92@lid'
const GROUP = '120363000000000001@g.us'

function device(keys = new DeviceKeys(), book = new AddressBook()) {
  return { keys, book, sessions: new Sessions(keys, book) }
}

/** What the server would answer: the upload's own nodes with one of its prekeys. */
function bundleOf(keys: DeviceKeys) {
  const { content } = keys.uploadIq()
  const nodes = Array.isArray(content) ? content : []
  const list = nodes.find(({ tag }) => tag === 'list')?.content
  const preKey = Array.isArray(list) ? list.slice(0, 1) : []
  const bundle = bundleOfUser({ tag: 'user', attrs: {}, content: [...nodes.filter(({ tag }) => tag !== 'list'), ...preKey] })
  if (!bundle) throw new Error('no bundle')
  return bundle
}

async function talking() {
  const ana = device()
  const bia = device()
  await ana.sessions.open(BIA, bundleOf(bia.keys))
  const first = await ana.sessions.encrypt(BIA, Buffer.from('oi'))
  await bia.sessions.decrypt(ANA, first.type, first.ciphertext)
  const answer = await bia.sessions.encrypt(ANA, Buffer.from('oi'))
  await ana.sessions.decrypt(BIA, answer.type, answer.ciphertext)
  return { ana, bia }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()

test('a one-time prekey is spent by the first message only', async () => {
  const { ana, bia } = await talking()
  const fresh = device()
  const bundle = bundleOf(bia.keys)
  await fresh.sessions.open(BIA, bundle)
  const id = bundle.preKey?.id ?? 0
  expect(bia.keys.loadPreKey(id)).toBeDefined()
  const { type, ciphertext } = await fresh.sessions.encrypt(BIA, Buffer.from('oi'))
  await bia.sessions.decrypt('93@lid', type, ciphertext)
  expect(bia.keys.loadPreKey(id)).toBeUndefined()
  expect(ana.sessions.info(BIA)?.registrationId).toBe(bia.keys.registrationId)
})

test('a bundle with a wrong signature opens nothing', async () => {
  const { keys } = device()
  const bundle = bundleOf(keys)
  const forged = { ...bundle, signedPreKey: { ...bundle.signedPreKey, signature: randomBytes(64) } }
  const { sessions } = device()
  await expect(sessions.open(BIA, forged)).rejects.toThrow(SignalError)
  expect(sessions.has(BIA)).toBe(false)
})

test('damaged messages leave the session and the prekeys as they were', async () => {
  const { ana, bia } = await talking()
  const { type, ciphertext } = await ana.sessions.encrypt(BIA, Buffer.from('inteira'))
  const damaged = Uint8Array.from(ciphertext)
  damaged[20] = (damaged[20] ?? 0) ^ 0xff
  await expect(bia.sessions.decrypt(ANA, type, damaged)).rejects.toMatchObject({ kind: 'unreadable' })
  expect(text(await bia.sessions.decrypt(ANA, type, ciphertext))).toBe('inteira')
  await expect(bia.sessions.decrypt(ANA, type, ciphertext)).rejects.toMatchObject({ kind: 'duplicate' })
})

test('messages that overtake each other are all read', async () => {
  const { ana, bia } = await talking()
  const sent = []
  for (const word of ['a', 'b', 'c', 'd']) sent.push(await ana.sessions.encrypt(BIA, Buffer.from(word)))
  const read = []
  for (const { type, ciphertext } of sent.toReversed()) read.push(text(await bia.sessions.decrypt(ANA, type, ciphertext)))
  expect(read).toEqual(['d', 'c', 'b', 'a'])
})

test('many at once on one address come out in one consistent ratchet', async () => {
  const { ana, bia } = await talking()
  const words = Array.from({ length: 50 }, (_, i) => String(i))
  const sent = await Promise.all(words.map((word) => ana.sessions.encrypt(BIA, Buffer.from(word))))
  const read = await Promise.all(sent.map(({ type, ciphertext }) => bia.sessions.decrypt(ANA, type, ciphertext)))
  expect(read.map(text)).toEqual(words)
})

test('a new identity takes the session over only with a message that decrypts', async () => {
  const { ana, bia } = await talking()
  const impostor = device()
  await impostor.sessions.open(BIA, bundleOf(bia.keys))
  const { ciphertext } = await impostor.sessions.encrypt(BIA, Buffer.from('sou eu'))
  const broken = Uint8Array.from(ciphertext)
  broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
  await expect(bia.sessions.decrypt(ANA, 'pkmsg', broken)).rejects.toThrow()
  const still = await bia.sessions.encrypt(ANA, Buffer.from('ainda aqui'))
  expect(text(await ana.sessions.decrypt(BIA, still.type, still.ciphertext))).toBe('ainda aqui')

  expect(text(await bia.sessions.decrypt(ANA, 'pkmsg', ciphertext))).toBe('sou eu')
  const moved = await bia.sessions.encrypt(ANA, Buffer.from('telefone novo?'))
  expect(text(await impostor.sessions.decrypt(BIA, moved.type, moved.ciphertext))).toBe('telefone novo?')
  await expect(ana.sessions.decrypt(BIA, moved.type, moved.ciphertext)).rejects.toThrow()
})

test('a session opened by phone number goes on once the LID is known', async () => {
  const { ana, bia } = await talking()
  const number = '5511900000001@s.whatsapp.net'
  const book = new AddressBook((from, to) => carla.sessions.move(from, signalAddress(`${to}@lid`).name))
  const carla = device(new DeviceKeys(), book)
  await carla.sessions.open(number, bundleOf(ana.keys))
  book.learn(number, ANA)
  expect([carla.sessions.has(ANA), carla.sessions.has(number)]).toEqual([true, true])
  const { type, ciphertext } = await carla.sessions.encrypt(ANA, Buffer.from('oi'))
  expect(text(await ana.sessions.decrypt('93@lid', type, ciphertext))).toBe('oi')
  expect(bia.sessions.has(number)).toBe(false)
})

test('group messages are read with the sender key that was handed over', async () => {
  const ana = device()
  const bia = device()
  const first = await ana.sessions.encryptGroup(GROUP, ANA, Buffer.from('olá grupo'))
  await expect(bia.sessions.decryptGroup(GROUP, ANA, first.ciphertext)).rejects.toMatchObject({ kind: 'unreadable' })
  await bia.sessions.acceptDistribution(GROUP, ANA, first.distribution)
  const second = await ana.sessions.encryptGroup(GROUP, ANA, Buffer.from('de novo'))
  expect(text(await bia.sessions.decryptGroup(GROUP, ANA, second.ciphertext))).toBe('de novo')
  await expect(bia.sessions.decryptGroup(GROUP, ANA, second.ciphertext)).rejects.toMatchObject({ kind: 'duplicate' })
})
