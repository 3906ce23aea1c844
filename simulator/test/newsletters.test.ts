/** Newsletters with the library the gateway uses, run by it and followed by it, and phones on the other side. */
import { type BinaryNode, getBinaryNodeChild, proto } from 'baileys'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Companion } from './companion.ts'
import { type ShownPhone, Simulator } from './harness.ts'

let network: Simulator
let ana: ShownPhone
let bia: ShownPhone
let client: Companion

beforeEach(async () => {
  network = await Simulator.start()
  ana = await network.phone('5511900000001', { name: 'Ana' })
  bia = await network.phone('5511900000002', { name: 'Bia' })
  client = new Companion(network.info)
  await network.call('POST', `/phones/${ana.number}/scan`, { qr: await client.qr() })
  await client.open()
})

afterEach(async () => {
  await client.close()
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  expect(network.troubles).toEqual([])
  await network.stop()
})

const post = (path: string, body: unknown) => network.call('POST', path, body)
const show = async (id: string) => (await network.call('GET', `/newsletters/${id}`)).body
const newsletterOf = async (by: ShownPhone, more = {}) => (await post('/newsletters', { by: by.number, name: 'Feira', ...more })).body
const code = (request: Promise<unknown>) =>
  request.then(
    () => 'ok',
    (error: { output?: { statusCode?: number } }) => error.output?.statusCode,
  )
const ask = (to: string, xmlns: string, type: string, child: BinaryNode) =>
  client.sock.query({ tag: 'iq', attrs: { to, xmlns, type }, content: [child] })
const mex = async (queryId: string, variables: unknown) => {
  const content = Buffer.from(JSON.stringify({ variables }))
  const answer = await ask('s.whatsapp.net', 'w:mex', 'get', { tag: 'query', attrs: { query_id: queryId }, content })
  return JSON.parse(String(getBinaryNodeChild(answer, 'result')?.content))
}

test('made by a companion: found by address and by code, changed, deleted', async () => {
  const made = await client.sock.newsletterCreate('Avisos', 'Todo dia')
  expect(made).toMatchObject({ name: 'Avisos', description: 'Todo dia', subscribers: 0 })
  const byJid = await client.sock.newsletterMetadata('jid', made.id)
  expect(byJid).toMatchObject({ id: made.id, state: { type: 'ACTIVE' }, viewer_metadata: { role: 'OWNER', mute: 'OFF' } })
  expect(await client.sock.newsletterMetadata('invite', made.invite ?? '')).toMatchObject({ id: made.id })
  expect(await code(client.sock.newsletterMetadata('invite', 'nothing'))).toBe(404)
  await client.sock.newsletterUpdateName(made.id, 'Recados')
  await client.sock.newsletterUpdateDescription(made.id, '')
  expect(await show(made.id)).toMatchObject({ name: 'Recados', description: '', followers: [{ jid: ana.jid, role: 'OWNER' }] })
  expect(await code(client.sock.newsletterUpdateName(made.id, ' '))).toBe(400)
  expect(await client.sock.newsletterAdminCount(made.id)).toBe(1)
  expect(await code(client.sock.newsletterUnfollow(made.id))).toBe(405)
  await client.sock.newsletterDelete(made.id)
  expect(await code(client.sock.newsletterMetadata('jid', made.id))).toBe(404)
})

test('a post is edited and taken back under its own id', async () => {
  const { id } = await newsletterOf(bia)
  await post(`/newsletters/${id}/follow`, { by: ana.number })
  const { id: first } = (await post(`/phones/${bia.number}/messages`, { to: id, text: 'Abriu!' })).body
  await post(`/phones/${bia.number}/messages`, { to: id, text: 'Abre amanhã', id: first, edit: '3' })
  await post(`/phones/${bia.number}/messages`, { to: id, message: { conversation: '' }, id: first, edit: '8' })
  const seen = async () => (await network.call('GET', `/phones/${ana.number}/messages?wait=500`)).body.messages
  await expect.poll(seen).toMatchObject([
    { id: first, text: 'Abriu!' },
    { id: first, text: 'Abre amanhã', edit: '3' },
    { id: first, type: 'protocolMessage', edit: '8' },
  ])
  expect(await show(id)).toMatchObject({ posts: [{ id: first, message: null }] })
})

test('terms have to be agreed to first, where WhatsApp asks for it', async () => {
  await network.call('PUT', `/phones/${ana.number}/newsletter-terms`, { accepted: false })
  expect(await code(client.sock.newsletterCreate('Avisos'))).toBe(403)
  await ask('s.whatsapp.net', 'tos', 'set', { tag: 'notice', attrs: { id: '20601218', stage: '5' } })
  expect(await code(client.sock.newsletterCreate('Avisos'))).toBe('ok')
})

test('followed: posts of the owner arrive in plain text with a server id, and stop when it is left', async () => {
  const { id } = await newsletterOf(bia)
  expect((await mex('6388546374527196', {})).data).toEqual({ xwa2_newsletter_subscribed: [] })
  await client.sock.newsletterFollow(id)
  await client.sock.newsletterFollow(id)
  const followed = (await mex('27456920720571478', { fetch_wamo_sub: true })).data.xwa2_newsletter_subscribed
  expect(followed).toMatchObject([{ id, viewer_metadata: { role: 'SUBSCRIBER', mute: 'ON' }, thread_metadata: { subscribers_count: '1' } }])

  await post(`/phones/${bia.number}/messages`, { to: id, text: 'Abriu!' })
  const got = await client.nextMessage((message) => message.key.remoteJid === id)
  expect(got).toMatchObject({ key: { server_id: '100', fromMe: false }, message: { conversation: 'Abriu!' } })
  const media = { base64: Buffer.from('uma foto').toString('base64'), mimetype: 'image/jpeg' }
  await post(`/phones/${bia.number}/messages`, { to: id, text: 'Veja', media })
  const picture = await client.nextMessage((message) => Boolean(message.message?.imageMessage))
  expect(picture.message?.imageMessage?.mediaKey?.length ?? 0).toBe(0)
  expect(Buffer.from(await client.download(picture)).toString()).toBe('uma foto')
  const atAna = (await network.call('GET', `/phones/${ana.number}/messages`)).body.messages
  expect(atAna).toMatchObject([
    { chat: id, text: 'Abriu!', fromMe: false },
    { text: 'Veja', media },
  ])

  await client.sock.newsletterUnfollow(id)
  expect(await code(client.sock.newsletterUnfollow(id))).toBe(404)
  await post(`/phones/${bia.number}/messages`, { to: id, text: 'Fechou' })
  expect((await show(id)).posts.map(({ serverId }: { serverId: number }) => serverId)).toEqual([100, 101, 102])
  expect(client.messages.filter(({ message }) => message?.conversation === 'Fechou')).toEqual([])
  await network.call('PUT', `/newsletters/${id}`, { state: 'SUSPENDED' })
  expect(await code(client.sock.newsletterFollow(id))).toBe(403)
})

test('written by a companion: followers and the own phone read it; others may not write', async () => {
  const made = await client.sock.newsletterCreate('Avisos')
  await post(`/newsletters/${made.id}/follow`, { by: bia.number })
  const sent = await client.sock.sendMessage(made.id, { text: 'Bom dia' })
  const read = async (by: ShownPhone) => (await network.call('GET', `/phones/${by.number}/messages`)).body.messages
  await expect.poll(() => read(bia)).toMatchObject([{ id: sent?.key.id, chat: made.id, text: 'Bom dia', fromMe: false }])
  await expect.poll(() => read(ana)).toMatchObject([{ chat: made.id, fromMe: true }])
  expect(await show(made.id)).toMatchObject({ posts: [{ serverId: 100, message: { extendedTextMessage: { text: 'Bom dia' } } }] })

  await post(`/phones/${bia.number}/messages`, { to: made.id, text: 'eu também' })
  await expect.poll(() => network.troubles.splice(0)).toEqual([expect.stringContaining('refused with 403')])
  await network.call('PUT', `/newsletters/${made.id}`, { admins: [bia.number] })
  await post(`/phones/${bia.number}/messages`, { to: made.id, text: 'agora sim' })
  await client.nextMessage((message) => message.message?.conversation === 'agora sim')
  await client.sock.newsletterChangeOwner(made.id, bia.lid)
  expect(await code(client.sock.newsletterDemote(made.id, bia.lid))).toBe(403)
  expect((await show(made.id)).followers).toMatchObject([
    { jid: ana.jid, role: 'ADMIN' },
    { jid: bia.jid, role: 'OWNER' },
  ])
})

test('reactions and views come back as numbers, at once to those who watch', async () => {
  const { id } = await newsletterOf(bia)
  await client.sock.newsletterFollow(id)
  await post(`/phones/${bia.number}/messages`, { to: id, text: 'Gostou?' })
  await client.nextMessage((message) => message.key.remoteJid === id)
  expect(await client.sock.subscribeNewsletterUpdates(id)).toEqual({ duration: '300' })
  const updates: BinaryNode[] = []
  client.sock.ws.on('CB:notification', (stanza: BinaryNode) => {
    if (stanza.attrs.type === 'newsletter') updates.push(stanza)
  })
  await client.sock.newsletterReactMessage(id, '100', '🍉')
  await post(`/newsletters/${id}/reactions`, { by: bia.number, serverId: 100, reaction: '🍉' })
  await post(`/newsletters/${id}/views`, { by: bia.number, serverIds: [100] })
  await expect.poll(() => updates.length).toBe(3)
  expect((await show(id)).posts[0]).toMatchObject({ reactions: { [ana.jid]: '🍉', [bia.jid]: '🍉' }, views: 1 })
  expect(updates[2]?.content).toMatchObject([
    {
      tag: 'live_updates',
      content: [
        {
          tag: 'messages',
          content: [
            {
              attrs: { server_id: '100' },
              content: [
                { tag: 'views_count', attrs: { count: '1' } },
                { tag: 'reactions', content: [{ tag: 'reaction', attrs: { code: '🍉', count: '2' } }] },
              ],
            },
          ],
        },
      ],
    },
  ])
  const counts = getBinaryNodeChild(
    getBinaryNodeChild(await client.sock.newsletterFetchMessages(id, 10, 0, 0), 'message_updates'),
    'messages',
  )
  expect(counts?.content).toMatchObject([{ attrs: { server_id: '100' } }])
  const older = await ask('s.whatsapp.net', 'newsletter', 'get', { tag: 'messages', attrs: { type: 'jid', jid: id, count: '5' } })
  const [message] = (getBinaryNodeChild(older, 'messages')?.content ?? []) as BinaryNode[]
  const plaintext = getBinaryNodeChild(message, 'plaintext')?.content
  expect(proto.Message.decode(plaintext as Uint8Array)).toMatchObject({ conversation: 'Gostou?' })
})
