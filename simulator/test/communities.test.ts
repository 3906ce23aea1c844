/** Communities with the library the gateway uses, and phones on the other side. */
import type { BinaryNode } from 'baileys'
import libraryLog from 'baileys/lib/Utils/logger.js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Companion } from './companion.ts'
import { type ShownPhone, Simulator } from './harness.ts'

// The library's own log knows no setting: its communities speak past the one it is given.
libraryLog.level = 'silent'

let network: Simulator
let ana: ShownPhone
let bia: ShownPhone
let caio: ShownPhone
let client: Companion

beforeEach(async () => {
  network = await Simulator.start()
  ana = await network.phone('5511900000001', { name: 'Ana' })
  bia = await network.phone('5511900000002', { name: 'Bia' })
  caio = await network.phone('5511900000003', { name: 'Caio' })
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
const group = async (id: string) => (await network.call('GET', `/groups/${id}`)).body
const members = async (id: string) => (await group(id)).members.map(({ jid }: { jid: string }) => jid)
const newGroup = async (by: ShownPhone, subject: string, ...participants: ShownPhone[]): Promise<string> =>
  (await post('/groups', { by: by.number, subject, participants: participants.map(({ number }) => number) })).body.id
const groupQuery = (to: string, child: BinaryNode, type = 'set') =>
  client.sock.query({ tag: 'iq', attrs: { to, type, xmlns: 'w:g2' }, content: [child] })
const community = async () => {
  const made = await client.sock.communityCreate('Bairro', 'Todos daqui')
  if (!made) throw new Error('no community')
  return made
}

test('created: with its announcement group, where everybody is and only admins write', async () => {
  const made = await community()
  expect(made).toMatchObject({ subject: 'Bairro', desc: 'Todos daqui', isCommunity: true, isCommunityAnnounce: false })
  const { linkedGroups, isCommunity } = await client.sock.communityFetchLinkedGroups(made.id)
  expect(isCommunity).toBe(true)
  expect(linkedGroups.map(({ subject }) => subject)).toEqual(['Bairro', 'General'])
  const all = await client.sock.groupFetchAllParticipating()
  expect(Object.values(all).filter(({ linkedParent }) => linkedParent === made.id)).toMatchObject([
    { subject: 'Bairro', announce: true, isCommunityAnnounce: true },
    { subject: 'General', announce: false, isCommunityAnnounce: false },
  ])
  expect((await network.call('GET', '/communities')).body).toMatchObject([{ id: made.id, groups: linkedGroups.map(({ id }) => id) }])
  expect(await post(`/phones/${ana.number}/messages`, { to: made.id, text: 'a community is no chat' })).toMatchObject({ status: 200 })
  await expect.poll(() => network.troubles.splice(0)).toEqual([expect.stringContaining('refused with 403')])
})

test('groups linked and unlinked: their people come into the community, errors are per group', async () => {
  const made = await community()
  const own = await newGroup(ana, 'Rua 1', bia)
  const foreign = await newGroup(bia, 'Rua 2', ana)
  await client.sock.communityLinkGroup(own, made.id)
  expect(await members(made.id)).toEqual([ana.jid, bia.jid])
  const [announcements] = (await group(made.id)).groups
  expect(await members(announcements)).toEqual([ana.jid, bia.jid])

  const link = (by: ShownPhone, ...groups: string[]) => post(`/communities/${made.id}/groups`, { by: by.number, groups })
  expect((await link(ana, own, foreign, made.id, '120363000000000000@g.us')).body.groups).toEqual([
    { id: own, error: 409 },
    { id: foreign, error: 403 },
    { id: made.id, error: 406 },
    { id: '120363000000000000@g.us', error: 404 },
  ])
  expect(await link(bia, foreign)).toMatchObject({ status: 409, body: { error: '403 forbidden' } })
  expect(await client.sock.groupMetadata(own)).toMatchObject({ linkedParent: made.id })

  const told = (await network.call('GET', `/traffic?phone=${bia.number}&device=0&tag=notification&direction=out`)).body.stanzas
    .filter(({ stanza }: { stanza: BinaryNode }) => stanza.attrs.from === own)
    .map(({ stanza }: { stanza: { content: BinaryNode[] } }) => [stanza.content[0]?.tag, stanza.content[0]?.attrs.link_type])
  expect(told).toEqual([
    ['create', undefined],
    ['link', 'parent_group'],
  ])

  const unlink = (jid: string) => network.call('DELETE', `/communities/${made.id}/groups/${jid}?by=${ana.number}`)
  expect(await unlink(announcements)).toMatchObject({ status: 409, body: { error: '406' } })
  await client.sock.communityUnlinkGroup(own, made.id)
  expect(await unlink(own)).toMatchObject({ status: 409, body: { error: '404' } })
  expect((await group(own)).community).toBe(null)
  expect(await members(made.id)).toEqual([ana.jid, bia.jid])

  await client.sock.communityLinkGroup(own, made.id)
  const orphans = { tag: 'group', attrs: { jid: own, remove_orphaned_members: 'true' } }
  await groupQuery(made.id, { tag: 'unlink', attrs: { unlink_type: 'sub_group' }, content: [orphans] })
  expect(await members(made.id)).toEqual([ana.jid])
  expect(await members(announcements)).toEqual([ana.jid])
})

test('a group made inside: by admins, by members only where the community is open to it', async () => {
  const made = await community()
  const inside = await client.sock.communityCreateGroup('Horta', [bia.lid], made.id)
  expect(inside).toMatchObject({ linkedParent: made.id })
  expect(await members(made.id)).toEqual([ana.jid, bia.jid])
  expect((await post('/groups', { by: bia.number, subject: 'Feira', community: made.id })).status).toBe(201)

  const closed = (await post('/communities', { by: bia.number, subject: 'Fechada', participants: [caio.number] })).body
  expect(closed.groups).toHaveLength(1)
  const refused = { status: 409, body: { error: '403 forbidden' } }
  expect(await post('/groups', { by: caio.number, subject: 'Feira', community: closed.id })).toMatchObject(refused)
  expect(await post('/groups', { by: ana.number, subject: 'Feira', community: closed.id })).toMatchObject(refused)
})

test('a member of the community walks into a group of it; whoever leaves the community leaves them all', async () => {
  const made = await community()
  const street = await newGroup(ana, 'Rua 1', bia)
  await client.sock.communityLinkGroup(street, made.id)
  await client.sock.groupParticipantsUpdate(made.id, [caio.jid], 'add')
  const [announcements, general] = (await group(made.id)).groups
  expect(await members(announcements)).toEqual([ana.jid, bia.jid, caio.jid])
  expect(await members(general)).toEqual([ana.jid])

  expect((await post(`/groups/${general}/enter`, { by: caio.number })).status).toBe(200)
  expect(await members(general)).toEqual([ana.jid, caio.jid])
  const stranger = await network.phone('5511900000009')
  expect((await post(`/groups/${general}/enter`, { by: stranger.number })).status).toBe(409)

  const people = await groupQuery(made.id, { tag: 'linked_groups_participants', attrs: {} }, 'get')
  expect(JSON.stringify(people)).toContain(caio.lid)
  await client.sock.communityParticipantsUpdate(made.id, [bia.lid], 'remove')
  for (const id of [made.id, announcements, street]) expect(await members(id)).not.toContain(bia.jid)
  await client.sock.communityLeave(made.id)
  expect(Object.keys(await client.sock.groupFetchAllParticipating())).toEqual([])
  expect(await group(made.id)).toMatchObject({ members: [{ jid: caio.jid, role: 'admin' }] })
})

test('deactivated: the groups stay, the announcement group does not', async () => {
  const made = await community()
  const [announcements, general] = (await group(made.id)).groups
  expect((await network.call('DELETE', `/communities/${made.id}?by=${bia.number}`)).status).toBe(409)
  expect((await network.call('DELETE', `/communities/${made.id}?by=${ana.number}`)).status).toBe(204)
  expect((await network.call('GET', `/groups/${made.id}`)).status).toBe(404)
  expect((await network.call('GET', `/groups/${announcements}`)).status).toBe(404)
  expect(await group(general)).toMatchObject({ community: null, members: [{ jid: ana.jid }] })
})

test('who wants into a group made inside waits for an admin where the community says so, and only there', async () => {
  for (const requestsByDefault of [true, false]) {
    const { id } = (await post('/communities', { by: ana.number, subject: 'Bairro', participants: [bia.number], requestsByDefault })).body
    expect((await network.call('GET', `/communities/${id}`)).body).toMatchObject({ requestsByDefault })
    const inside = (await post('/groups', { by: ana.number, subject: 'Horta', community: id })).body.id
    expect((await post(`/groups/${inside}/enter`, { by: bia.number })).body).toMatchObject({ requiresApproval: requestsByDefault })
    expect(await members(inside)).toEqual(requestsByDefault ? [ana.jid] : [ana.jid, bia.jid])
    expect((await group(inside)).requests).toMatchObject(requestsByDefault ? [{ jid: bia.jid, method: 'linked_group_join' }] : [])
  }
})

test('nobody sees the numbers of others in an announcement group', async () => {
  const made = await community()
  await client.sock.groupParticipantsUpdate(made.id, [bia.jid], 'add')
  const [announcements = '', general = ''] = (await group(made.id)).groups
  const numbersIn = async (id: string) => (await client.sock.groupMetadata(id)).participants.map(({ phoneNumber }) => phoneNumber)
  expect(await numbersIn(announcements)).toEqual([undefined, undefined])
  expect(await numbersIn(general)).toEqual([ana.jid])
})
