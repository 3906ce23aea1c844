/** The control API's own manners: statuses, refusals, and what a phone looks like through it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Simulator } from './harness.ts'

let network: Simulator
const ANA = '5511900000001'
const BIA = '5511900000002'

beforeAll(async () => {
  network = await Simulator.start({ seed: 'control' })
  await network.phone(ANA, { name: 'Ana' })
  await network.phone(BIA, { name: 'Bia' })
})

afterAll(async () => {
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  await network.stop()
})

test('GET /network says what the ready line says', async () => {
  expect((await network.call('GET', '/network')).body).toEqual(network.info)
  expect(Buffer.from(network.info.rootKey, 'base64')).toHaveLength(32)
  expect(network.info.whatsappUrl).toBe(`${network.info.api.replace('http', 'ws')}/ws/chat`)
  expect(network.info.mediaCa).toMatch(/^-----BEGIN CERTIFICATE-----/)
})

test('one seed, one set of keys and ids', async () => {
  const again = await Simulator.start({ seed: 'control' })
  const other = await Simulator.start()
  const [mine, same, different] = [await network.show(ANA), await again.phone(ANA), await other.phone(ANA)]
  expect([again.info.rootKey, same.lid]).toEqual([network.info.rootKey, mine.lid])
  expect(other.info.rootKey).not.toBe(network.info.rootKey)
  expect(different.lid).not.toBe(mine.lid)
  await again.stop()
  await other.stop()
})

test('phones are listed with everything about them', async () => {
  expect(await network.show(ANA)).toEqual({
    number: ANA,
    jid: `${ANA}@s.whatsapp.net`,
    lid: expect.stringMatching(/^\d{15}@lid$/),
    name: 'Ana',
    business: false,
    online: true,
    devices: [],
  })
  expect((await network.call('GET', '/phones')).body.map(({ number }: { number: string }) => number)).toEqual([ANA, BIA])
})

describe('refusals', () => {
  test.each<[string, string, string, unknown, number]>([
    ['a number that exists', 'POST', '/phones', { number: ANA }, 409],
    ['letters for a number', 'POST', '/phones', { number: 'abc' }, 400],
    ['no number', 'POST', '/phones', {}, 400],
    ['a phone nobody has', 'GET', '/phones/5511900000009', undefined, 404],
    ['a QR of nobody', 'POST', `/phones/${ANA}/scan`, { qr: 'x' }, 400],
    ['a code nobody waits for', 'POST', `/phones/${ANA}/pairing-code`, { code: 'ABCD1234' }, 400],
    ['a companion that is not there', 'DELETE', `/phones/${ANA}/devices/1`, undefined, 404],
    ['the phone itself as a companion', 'DELETE', `/phones/${ANA}/devices/0`, undefined, 404],
    ['a message without content', 'POST', `/phones/${ANA}/messages`, { to: BIA }, 400],
    ['a message to nobody', 'POST', `/phones/${ANA}/messages`, { to: '5511900000009', text: 'x' }, 404],
    ['a message of no known kind', 'POST', `/phones/${ANA}/messages`, { to: BIA, message: { telepathy: {} } }, 400],
    ['a change nobody knows', 'PATCH', `/phones/${ANA}`, { mood: 'good' }, 400],
    ['a privacy setting nobody knows', 'PATCH', `/phones/${ANA}`, { privacy: { last: 'sometimes' } }, 400],
    ['a fault nobody knows', 'POST', '/faults', { action: 'explode' }, 400],
    ['a delay of no length', 'POST', '/faults', { action: 'delay' }, 400],
    ['a fault that is not there', 'DELETE', '/faults/fault-9', undefined, 404],
    ['a route that is not there', 'GET', '/nothing', undefined, 404],
  ])('%s', async (_name, method, path, body, status) => {
    const answer = await network.call(method, path, body)
    expect(answer).toEqual({ status, body: { error: expect.any(String) } })
  })

  test('a body that is not JSON', async () => {
    const response = await fetch(`${network.info.api}/phones`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{',
    })
    expect([response.status, await response.json()]).toEqual([400, { error: expect.any(String) }])
  })
})

describe('messages between phones', () => {
  test('a reader waits for what comes, and goes on from its cursor', async () => {
    const waiting = network.call('GET', `/phones/${BIA}/messages?wait=10000`)
    const sent = await network.call('POST', `/phones/${ANA}/messages`, { to: BIA, text: 'oi' })
    expect(sent.body).toEqual({ id: expect.any(String), timestamp: expect.any(Number) })
    const { messages, cursor } = (await waiting).body
    expect(messages).toMatchObject([
      { cursor, id: sent.body.id, chat: `${ANA}@s.whatsapp.net`, from: `${ANA}@s.whatsapp.net`, fromMe: false, text: 'oi' },
    ])
    expect((await network.call('GET', `/phones/${BIA}/messages?after=${cursor}`)).body).toEqual({ messages: [], cursor })
  })

  test('a WAProto message as JSON', async () => {
    const message = {
      locationMessage: { degreesLatitude: -23.5, degreesLongitude: -46.6, name: 'Sé', jpegThumbnail: Buffer.from('x').toString('base64') },
    }
    const { body } = await network.call('POST', `/phones/${ANA}/messages`, { to: `${BIA}@s.whatsapp.net`, message })
    await expect
      .poll(async () =>
        (await network.call('GET', `/phones/${BIA}/messages`)).body.messages.find(({ id }: { id: string }) => id === body.id),
      )
      .toMatchObject({ type: 'locationMessage', message })
  })

  test.each(['image/jpeg', 'video/mp4', 'audio/ogg; codecs=opus', 'application/pdf', 'image/webp'])(
    '%s arrives as it was sent',
    async (mimetype) => {
      const base64 = Buffer.from(`content of ${mimetype}`).toString('base64')
      const { body } = await network.call('POST', `/phones/${ANA}/messages`, { to: BIA, media: { base64, mimetype } })
      await expect
        .poll(async () =>
          (await network.call('GET', `/phones/${BIA}/messages`)).body.messages.find(({ id }: { id: string }) => id === body.id),
        )
        .toMatchObject({ media: { base64, mimetype } })
      const { messages } = (await network.call('GET', `/phones/${BIA}/messages`)).body
      const { cursor } = messages.find(({ id }: { id: string }) => id === body.id)
      const raw = await fetch(`${network.info.api}/phones/${BIA}/messages/${cursor}/media`)
      expect(Buffer.from(await raw.arrayBuffer()).toString('base64')).toBe(base64)
    },
  )

  test('a phone that is offline gets nothing until it is back, and can do nothing', async () => {
    await network.call('PATCH', `/phones/${BIA}`, { online: false })
    const before = (await network.call('GET', `/phones/${BIA}/messages`)).body.cursor
    await network.call('POST', `/phones/${ANA}/messages`, { to: BIA, text: 'acorda' })
    expect((await network.call('GET', `/phones/${BIA}/messages?after=${before}&wait=50`)).body.messages).toEqual([])
    for (const [path, body] of [
      ['messages', { to: ANA, text: 'x' }],
      ['presence', { state: 'available' }],
      ['calls', { to: ANA }],
    ] as const) {
      expect((await network.call('POST', `/phones/${BIA}/${path}`, body)).status).toBe(409)
    }
    await network.call('PATCH', `/phones/${BIA}`, { online: true })
    expect((await network.call('GET', `/phones/${BIA}/messages?after=${before}&wait=5000`)).body.messages).toMatchObject([
      { text: 'acorda' },
    ])
  })
})

test('a call rings at the other phone and can be hung up', async () => {
  const { callId } = (await network.call('POST', `/phones/${ANA}/calls`, { to: BIA, video: true })).body
  const state = async (number: string) =>
    (await network.call('GET', `/phones/${number}/calls`)).body.calls.find((call: { callId: string }) => call.callId === callId)?.state
  await expect.poll(() => state(BIA)).toBe('ringing')
  expect((await network.call('DELETE', `/phones/${ANA}/calls/${callId}`)).status).toBe(204)
  await expect.poll(() => state(BIA)).toBe('terminated')
})

test('traffic shows stanzas, never what they say', async () => {
  const { cursor } = (await network.call('GET', '/traffic?limit=1')).body
  expect(cursor).toBeGreaterThan(0)
  const before = (await network.call('GET', '/traffic')).body.cursor
  await network.call('POST', `/phones/${ANA}/messages`, { to: BIA, text: 'segredo' })
  await expect
    .poll(async () => (await network.call('GET', `/traffic?after=${before}&tag=receipt&phone=${BIA}`)).body.stanzas.length)
    .toBeGreaterThan(0)
  const seen = (await network.call('GET', `/traffic?after=${before}`)).body
  expect(JSON.stringify(seen)).not.toContain('segredo')
  expect(seen.stanzas[0]).toMatchObject({ direction: 'in', phone: ANA, device: 0, stanza: { tag: 'message' } })
  const enc = JSON.stringify(seen.stanzas[0].stanza)
  expect(enc).toMatch(/"tag":"enc".*"content":\{"bytes":\d+\}/)
  expect((await network.call('GET', `/traffic?after=${seen.cursor}`)).body.stanzas).toEqual([])
})
