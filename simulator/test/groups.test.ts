/** Groups and stories between phones and the library the gateway uses: who gets what, under which key, and who learns that it arrived. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Companion } from './companion.ts'
import { type ShownPhone, Simulator } from './harness.ts'

let network: Simulator
let ana: ShownPhone
let bia: ShownPhone
let caio: ShownPhone
const companions: Companion[] = []

beforeEach(async () => {
  network = await Simulator.start()
  ana = await network.phone('5511900000001', { name: 'Ana' })
  bia = await network.phone('5511900000002', { name: 'Bia' })
  caio = await network.phone('5511900000003', { name: 'Caio' })
})

afterEach(async () => {
  for (const companion of companions.splice(0)) await companion.close()
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  expect(network.troubles).toEqual([])
  await network.stop()
})

async function linked(number: string): Promise<Companion> {
  const made = new Companion(network.info)
  companions.push(made)
  expect((await network.call('POST', `/phones/${number}/scan`, { qr: await made.qr() })).status).toBe(200)
  await made.open()
  return made
}

const newGroup = async (more: Record<string, unknown> = {}) => {
  const body = { by: ana.number, subject: 'Família', participants: [bia.number, caio.number], ...more }
  return (await network.call('POST', '/groups', body)).body as { id: string; members: { jid: string; role: string }[] }
}
const say = async (from: ShownPhone, to: string, text: string, more: Record<string, unknown> = {}) =>
  (await network.call('POST', `/phones/${from.number}/messages`, { to, text, ...more })).body.id as string
const heard = async (by: ShownPhone, id: string) => {
  const read = async () => (await network.call('GET', `/phones/${by.number}/messages`)).body.messages
  await expect.poll(async () => (await read()).some((message: { id: string }) => message.id === id)).toBe(true)
  return (await read()).find((message: { id: string }) => message.id === id)
}
const traffic = async (filter: string) => (await network.call('GET', `/traffic?${filter}`)).body.stanzas as { stanza: Shown }[]
interface Shown {
  tag: string
  attrs: Record<string, string>
  content?: Shown[]
}

test.each(['lid', 'pn'])('phones write to a group (%s): the key goes out once, what follows is one ciphertext', async (addressing) => {
  const { id, members } = await newGroup({ addressing })
  expect(members).toMatchObject([
    { jid: ana.jid, role: 'superadmin' },
    { jid: bia.jid, role: 'member' },
    { jid: caio.jid, role: 'member' },
  ])
  const first = await say(ana, id, 'oi, gente')
  for (const person of [bia, caio]) {
    expect(await heard(person, first)).toMatchObject({ chat: id, from: ana.jid, fromMe: false, text: 'oi, gente' })
  }
  const second = await say(ana, id, 'de novo')
  await heard(bia, second)
  const sent = (await traffic(`phone=${ana.number}&tag=message&direction=in`)).map(({ stanza }) => stanza.content?.map(({ tag }) => tag))
  expect(sent).toEqual([['participants', 'enc'], ['enc']])

  const answer = await say(bia, id, 'oi, mãe')
  expect(await heard(ana, answer)).toMatchObject({ chat: id, from: bia.jid, text: 'oi, mãe' })
  expect(await heard(caio, answer)).toMatchObject({ chat: id, from: bia.jid })
})

test.each(['lid', 'pn'])('a companion in a group (%s): reads, writes, its own phone has a copy, receipts come back', async (addressing) => {
  const { id } = await newGroup({ addressing })
  const client = await linked(ana.number)
  const incoming = await say(bia, id, 'quem vem?')
  const got = await client.nextMessage((message) => message.key.id === incoming)
  expect(got).toMatchObject({ key: { remoteJid: id, fromMe: false }, message: { conversation: 'quem vem?' }, pushName: 'Bia' })
  expect(got.key.participant).toBe(addressing === 'lid' ? bia.lid : bia.jid)

  const outgoing = await client.sendText(id, 'eu vou')
  for (const person of [bia, caio]) expect(await heard(person, outgoing)).toMatchObject({ chat: id, from: ana.jid, text: 'eu vou' })
  expect(await heard(ana, outgoing)).toMatchObject({ chat: id, fromMe: true, text: 'eu vou' })
  await expect
    .poll(async () =>
      (await traffic(`phone=${ana.number}&device=1&tag=receipt&direction=out`))
        .filter(({ stanza }) => stanza.attrs.id === outgoing)
        .map(({ stanza: { attrs } }) => [attrs.from, attrs.participant]),
    )
    .toEqual(expect.arrayContaining([bia, caio].map((person) => [id, addressing === 'lid' ? person.lid : person.jid])))

  const ownPhone = await say(ana, id, 'do meu telefone')
  expect((await client.nextMessage((message) => message.key.id === ownPhone)).key.fromMe).toBe(true)
  const metadata = await client.sock.groupMetadata(id)
  expect(metadata).toMatchObject({ id, subject: 'Família', addressingMode: addressing, size: 3 })
  expect(Object.keys(await client.sock.groupFetchAllParticipating())).toEqual([id])
})

test('a companion makes a group: everybody in it is told, a person who keeps strangers out gets an invite instead', async () => {
  const client = await linked(ana.number)
  await network.call('PATCH', `/phones/${caio.number}`, { privacy: { groupadd: 'contacts' } })
  const made = await client.sock.groupCreate('Trabalho', [bia.jid, caio.jid])
  expect(made).toMatchObject({ subject: 'Trabalho', owner: ana.lid, ownerPn: ana.jid })
  const group = (await network.call('GET', `/groups/${made.id}`)).body
  expect(group.members).toMatchObject([{ jid: ana.jid }, { jid: bia.jid }])
  const told = await traffic(`phone=${bia.number}&tag=notification&direction=out`)
  expect(told.map(({ stanza }) => [stanza.attrs.type, stanza.attrs.from, stanza.content?.[0]?.tag])).toContainEqual([
    'w:gp2',
    made.id,
    'create',
  ])
  const id = await say(bia, made.id, 'bom dia')
  await client.nextMessage((message) => message.key.id === id)
})

test('whoever cannot read a message asks the author, and gets it with the key', async () => {
  const { id } = await newGroup()
  const client = await linked(bia.number)
  await say(ana, id, 'primeira')
  await client.nextMessage((message) => message.message?.conversation === 'primeira')
  client.signal.loseSessions()
  const lost = await say(ana, id, 'segunda')
  const again = await client.nextMessage((message) => message.key.id === lost && Boolean(message.message))
  expect(again).toMatchObject({ key: { remoteJid: id }, message: { conversation: 'segunda' } })

  // The other way round: a phone that missed the key of a companion.
  const fault = { action: 'corrupt', match: { phone: bia.number, device: 1, tag: 'message', direction: 'in' }, times: 1 }
  await network.call('POST', '/faults', fault)
  const damaged = await client.sendText(id, 'terceira')
  expect(await heard(caio, damaged)).toMatchObject({ text: 'terceira', chat: id })
})

test('somebody comes, somebody goes: the newcomer alone is given the key, and after a farewell there is a new one for all', async () => {
  const { id } = await newGroup()
  const keysOf = async (message: string) => {
    const sent = (await traffic(`phone=${ana.number}&tag=message&direction=in`)).find(({ stanza }) => stanza.attrs.id === message)
    const participants = sent?.stanza.content?.find(({ tag }) => tag === 'participants')
    return participants?.content?.map(({ attrs }) => attrs.jid) ?? []
  }
  const members = (action: string, who: ShownPhone) =>
    network.call('POST', `/groups/${id}/participants`, { by: ana.number, action, participants: [who.number] })
  expect(await keysOf(await say(ana, id, 'um'))).toEqual([bia.lid, caio.lid])

  const davi = await network.phone('5511900000004', { name: 'Davi' })
  await members('add', davi)
  const second = await say(ana, id, 'dois')
  expect(await keysOf(second)).toEqual([davi.lid])
  await heard(davi, second)

  await members('remove', caio)
  const third = await say(ana, id, 'três')
  expect(await keysOf(third)).toEqual([bia.lid, davi.lid])
  await heard(bia, third)
  const atCaio = (await network.call('GET', `/phones/${caio.number}/messages`)).body.messages
  expect(atCaio.map(({ text }: { text: string }) => text)).toEqual(['um', 'dois'])
})

test('a sender that does not know all devices is told so, and knows them the next time', async () => {
  const { id } = await newGroup()
  await heard(bia, await say(ana, id, 'antes'))
  const client = await linked(caio.number)
  const id2 = await say(ana, id, 'depois')
  await client.nextMessage((message) => message.key.id === id2 && Boolean(message.message))
  const raw = { tag: 'message', attrs: { to: id, id: 'STALE', type: 'text', phash: '2:stale', addressing_mode: 'lid' }, content: [] }
  const acked = await client.sock.query(raw)
  expect(acked.attrs).toMatchObject({ class: 'message', from: id, phash: expect.stringMatching(/^2:.{8}$/) })
})

test('strangers and announcement groups: the message is refused', async () => {
  const outsider = await network.phone('5511900000004')
  const { id } = await newGroup({ announcement: true })
  const client = await linked(bia.number)
  await client.sendText(id, 'posso falar?')
  await expect
    .poll(async () => (await traffic(`phone=${bia.number}&tag=ack&direction=out`)).map(({ stanza }) => stanza.attrs.error))
    .toContain('420')
  expect(await network.call('POST', `/phones/${outsider.number}/messages`, { to: id, text: 'oi' })).toMatchObject({
    status: 409,
    body: { error: '403 forbidden' },
  })
})

test('stories: of a phone to a companion, of a companion to its audience, and only to them', async () => {
  const client = await linked(ana.number)
  const story = await say(bia, 'status@broadcast', 'na praia', { audience: [ana.number] })
  const got = await client.nextMessage((message) => message.key.id === story)
  expect(got).toMatchObject({ key: { remoteJid: 'status@broadcast', fromMe: false }, message: { conversation: 'na praia' } })
  expect(await heard(ana, story)).toMatchObject({ chat: 'status@broadcast', from: bia.jid, text: 'na praia' })

  const own = await client.sock.sendMessage('status@broadcast', { text: 'em casa' }, { statusJidList: [bia.jid, ana.jid] })
  const id = own?.key.id ?? ''
  expect(await heard(bia, id)).toMatchObject({ chat: 'status@broadcast', from: ana.jid, text: 'em casa' })
  expect(await heard(ana, id)).toMatchObject({ fromMe: true })
  const seen = (await network.call('GET', `/phones/${caio.number}/messages`)).body.messages
  expect(seen).toEqual([])
})

test('a story goes to everybody the phone knows when it names nobody', async () => {
  await heard(bia, await say(ana, bia.jid, 'oi'))
  const story = await say(bia, 'status@broadcast', 'para quem me conhece')
  expect(await heard(ana, story)).toMatchObject({ chat: 'status@broadcast', from: bia.jid })
  const narrowed = await say(bia, 'status@broadcast', 'só para o Caio', { audience: [caio.number] })
  await heard(caio, narrowed)
  const atAna = (await network.call('GET', `/phones/${ana.number}/messages`)).body.messages
  expect(atAna.map((message: { id: string }) => message.id)).not.toContain(narrowed)
})

test('typing is shown to the others in the group', async () => {
  const { id } = await newGroup()
  const client = await linked(bia.number)
  await network.call('POST', `/phones/${ana.number}/presence`, { to: id, state: 'typing' })
  await expect.poll(() => client.presences).toContainEqual({ id, presences: { [ana.lid]: { lastKnownPresence: 'composing' } } })
})
