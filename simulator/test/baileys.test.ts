/** The library the gateway uses, on this network: every way a connection ends, what is missed meanwhile, and what an account can ask. */
import { createHash } from 'node:crypto'
import { Agent, get } from 'node:https'
import { getWAUploadToServer, prepareWAMessageMedia } from 'baileys'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Companion } from './companion.ts'
import { type ShownPhone, Simulator } from './harness.ts'

let network: Simulator
let ana: ShownPhone
let bia: ShownPhone
const companions: Companion[] = []

beforeEach(async () => {
  network = await Simulator.start()
  ana = await network.phone('5511900000001', { name: 'Ana' })
  bia = await network.phone('5511900000002', { name: 'Bia' })
})

afterEach(async () => {
  for (const companion of companions.splice(0)) await companion.close()
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  expect(network.troubles).toEqual([])
  await network.stop()
})

function companion(): Companion {
  const made = new Companion(network.info)
  companions.push(made)
  return made
}

async function linked(number: string): Promise<Companion> {
  const made = companion()
  const { status, body } = await network.call('POST', `/phones/${number}/scan`, { qr: await made.qr() })
  expect({ status, body }).toMatchObject({ status: 200, body: { id: 1, platform: 'CHROME' } })
  await made.open()
  return made
}

const say = async (from: ShownPhone, to: ShownPhone, text: string) =>
  (await network.call('POST', `/phones/${from.number}/messages`, { to: to.jid, text })).body.id as string
const textOf = (message: Awaited<ReturnType<Companion['nextMessage']>>) =>
  message.message?.conversation ?? message.message?.extendedTextMessage?.text
const nextText = async (client: Companion) => textOf(await client.nextMessage((message) => Boolean(textOf(message))))

test('linked by QR: 515, a second login, open, and the phone lists it', async () => {
  const client = await linked(ana.number)
  expect(client.closes).toEqual([515])
  expect((await network.show(ana.number)).devices).toMatchObject([{ id: 1, platform: 'CHROME', connected: true }])
  expect(client.creds.me).toMatchObject({ id: `${ana.number}:1@s.whatsapp.net`, lid: ana.lid.replace('@', ':1@') })
})

test('a wrong pairing code is refused, the right one still works', async () => {
  const client = companion()
  const code = await client.pairingCode(ana.number)
  const wrong = code === 'ABCD1234' ? 'ABCD1235' : 'ABCD1234'
  expect(await network.call('POST', `/phones/${ana.number}/pairing-code`, { code: wrong })).toMatchObject({
    status: 400,
    body: { error: 'the code is wrong' },
  })
  const dashed = `${code.slice(0, 4)}-${code.slice(4)}`
  expect((await network.call('POST', `/phones/${ana.number}/pairing-code`, { code: dashed })).status).toBe(200)
  await client.open()
})

test('a text is acknowledged by the server, read on the phone, delivered and read', async () => {
  const client = await linked(ana.number)
  const ack = new Promise<string>((resolve) =>
    client.sock.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { id: string; error?: string } }) =>
      resolve(`${attrs.id} ${attrs.error}`),
    ),
  )
  const id = await client.sendText(bia.jid, 'oi')
  expect(await ack).toBe(`${id} undefined`)
  await client.until('delivery', () => client.updates.find(({ key, update }) => key.id === id && update.status === 3))
  await network.call('POST', `/phones/${bia.number}/receipts`, { chat: ana.jid, ids: [id], type: 'read' })
  await client.until('read', () => client.updates.find(({ key, update }) => key.id === id && update.status === 4))
})

test('what comes while it is away is there when it is back, in order', async () => {
  const client = await linked(ana.number)
  await say(bia, ana, 'um')
  expect(await nextText(client)).toBe('um')
  await client.disconnect()
  await expect.poll(async () => (await network.show(ana.number)).devices[0]?.connected).toBe(false)
  for (const text of ['dois', 'três', 'quatro']) await say(bia, ana, text)
  client.reconnect()
  await client.open()
  expect([await nextText(client), await nextText(client), await nextText(client)]).toEqual(['dois', 'três', 'quatro'])
})

test('the same device connected twice: the first one is told 440', async () => {
  const client = await linked(ana.number)
  const { ev } = client.sock
  const replaced = new Promise<unknown>((resolve) =>
    ev.on('connection.update', ({ lastDisconnect }) => {
      if (lastDisconnect) resolve(lastDisconnect.error)
    }),
  )
  client.reconnect()
  expect(await replaced).toMatchObject({ output: { statusCode: 440 } })
  await say(bia, ana, 'para o segundo')
  expect(await nextText(client)).toBe('para o segundo')
})

test('unlinked on the phone: 401, and 401 again', async () => {
  const client = await linked(ana.number)
  const closed = client.closed()
  expect((await network.call('DELETE', `/phones/${ana.number}/devices/1`)).status).toBe(204)
  expect(await closed).toBe(401)
  const again = client.closed()
  client.reconnect()
  expect(await again).toBe(401)
})

test('logged out by itself: the phone forgets it', async () => {
  const client = await linked(ana.number)
  await client.sock.logout()
  await expect.poll(async () => (await network.show(ana.number)).devices).toEqual([])
  const again = client.closed()
  client.reconnect()
  expect(await again).toBe(401)
})

test('looking up numbers, about, privacy, blocking, disappearing, profile', async () => {
  const client = await linked(ana.number)
  const { sock } = client
  expect(await sock.onWhatsApp(bia.number, '5511999999999')).toEqual([{ jid: bia.jid, exists: true }])
  await network.call('PATCH', `/phones/${bia.number}`, { about: 'na praia', picture: Buffer.from('jpeg').toString('base64') })
  expect(await sock.fetchStatus(bia.jid)).toMatchObject([{ id: bia.jid, status: { status: 'na praia' } }])
  expect(await sock.profilePictureUrl(bia.jid, 'image')).toContain(network.info.mediaUrl)
  await sock.updateProfileStatus('ocupada')
  await sock.updateLastSeenPrivacy('none')
  await sock.updateDefaultDisappearingMode(604_800)
  expect(await sock.fetchPrivacySettings(true)).toMatchObject({ last: 'none', readreceipts: 'all' })
  expect((await network.call('GET', `/phones/${ana.number}/profile`)).body).toMatchObject({
    about: 'ocupada',
    disappearing: { duration: 604_800 },
  })
  await client.sendText(bia.jid, 'agora conheço o LID')
  await sock.updateBlockStatus(bia.jid, 'block')
  expect(await sock.fetchBlocklist()).toEqual([bia.lid])
  expect((await network.call('GET', `/phones/${ana.number}/blocklist`)).body.blocked).toEqual([{ lid: bia.lid, jid: bia.jid }])
  expect(await sock.groupFetchAllParticipating()).toEqual({})
  expect(await sock.createCallLink('video')).toMatch(/^[\w-]{22}$/)
})

test('a message the server refuses is acknowledged with its error', async () => {
  const client = await linked(ana.number)
  await network.call('POST', '/faults', { match: { phone: ana.number, times: 1 }, action: 'ack-error', code: 479 })
  const id = await client.sendText(bia.jid, 'recusada')
  await client.until('the failure', () => client.updates.find(({ key, update }) => key.id === id && update.status === 0))
  await client.sendText(bia.jid, 'aceita')
  await expect
    .poll(async () => (await network.call('GET', `/phones/${bia.number}/messages`)).body.messages.map(({ text }: { text: string }) => text))
    .toEqual(['aceita'])
})

test('a request the server refuses rejects with its code', async () => {
  const client = await linked(ana.number)
  await network.call('POST', '/faults', {
    match: { phone: ana.number, xmlns: 'usync', times: 1 },
    action: 'iq-error',
    code: 429,
    text: 'rate-overlimit',
  })
  await expect(client.sock.onWhatsApp(bia.number)).rejects.toMatchObject({ data: 429 })
})

test('a connection closed without a word is 428, and a stream error what it says', async () => {
  const client = await linked(ana.number)
  const first = client.closed()
  await network.call('POST', '/faults', { match: { phone: ana.number }, action: 'close' })
  expect(await first).toBe(428)
  client.reconnect()
  await client.open()
  const second = client.closed()
  await network.call('POST', '/faults', { match: { phone: ana.number }, action: 'stream-error', code: 503 })
  expect(await second).toBe(503)
})

test('many messages at once all arrive, in order', async () => {
  const client = await linked(ana.number)
  const wanted = Array.from({ length: 60 }, (_, index) => `m${index}`)
  for (const text of wanted) await say(bia, ana, text)
  const got: (string | null | undefined)[] = []
  while (got.length < wanted.length) got.push(await nextText(client))
  expect(got).toEqual(wanted)
  for (const text of wanted) await client.sendText(bia.jid, text)
  const received = async () =>
    (await network.call('GET', `/phones/${bia.number}/messages`)).body.messages.filter((message: { fromMe: boolean }) => !message.fromMe)
  await expect.poll(async () => (await received()).length).toBe(wanted.length)
  expect((await received()).map(({ text }: { text: string }) => text)).toEqual(wanted)
})

test('media: uploaded by the client’s own code over TLS, opened by the phone; sent by a phone, fetched over TLS', async () => {
  const client = await linked(ana.number)
  const agent = new Agent({ ca: network.info.mediaCa })
  const { sock } = client
  const logger = { level: 'silent', child: () => logger, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
  const upload = getWAUploadToServer({ customUploadHosts: [], fetchAgent: agent, logger, options: {} } as never, sock.refreshMediaConn)
  const document = Buffer.from('um documento '.repeat(1_000))
  const content = { document, mimetype: 'application/pdf', fileName: 'a.pdf' }
  const message = await prepareWAMessageMedia(content, { upload, logger })
  const id = await sock.relayMessage(bia.jid, message, {})
  const read = async () => (await network.call('GET', `/phones/${bia.number}/messages`)).body.messages
  await expect
    .poll(async () => (await read()).find((one: { id: string }) => one.id === id))
    .toMatchObject({
      type: 'documentMessage',
      media: { base64: document.toString('base64'), mimetype: 'application/pdf' },
    })

  const media = { base64: Buffer.from('uma foto').toString('base64'), mimetype: 'image/jpeg' }
  await network.call('POST', `/phones/${bia.number}/messages`, { to: ana.jid, text: 'veja', media })
  const { message: got } = await client.nextMessage((one) => Boolean(one.message?.imageMessage))
  expect(got?.imageMessage).toMatchObject({ caption: 'veja', mimetype: 'image/jpeg' })
  const sealed = await new Promise<Buffer>((resolve, reject) => {
    get(`${network.info.mediaUrl}${got?.imageMessage?.directPath}`, { agent }, async (response) => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(Buffer.from(chunk))
      resolve(Buffer.concat(chunks))
    }).on('error', reject)
  })
  expect(createHash('sha256').update(sealed).digest()).toEqual(Buffer.from(got?.imageMessage?.fileEncSha256 ?? []))
  agent.destroy()
})
