/** Who may do what in a group, told with the library the gateway uses on one side and phones on the other; every change is told to all. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Companion } from './companion.ts'
import { type ShownPhone, Simulator } from './harness.ts'

let network: Simulator
/** Owns the group; a companion plays her. */
let ana: ShownPhone
let bia: ShownPhone
let caio: ShownPhone
let davi: ShownPhone
let client: Companion
let id: string

beforeEach(async () => {
  network = await Simulator.start()
  ana = await network.phone('5511900000001', { name: 'Ana' })
  bia = await network.phone('5511900000002', { name: 'Bia' })
  caio = await network.phone('5511900000003', { name: 'Caio' })
  davi = await network.phone('5511900000004', { name: 'Davi' })
  client = new Companion(network.info)
  await network.call('POST', `/phones/${ana.number}/scan`, { qr: await client.qr() })
  await client.open()
  id = (await network.call('POST', '/groups', { by: ana.number, subject: 'Praia', participants: [bia.number, caio.number] })).body.id
})

afterEach(async () => {
  await client.close()
  expect((await network.call('GET', '/unanswered')).body).toEqual([])
  expect(network.troubles).toEqual([])
  await network.stop()
})

const post = (path: string, body: unknown) => network.call('POST', path, body)
const change = (by: ShownPhone, patch: Record<string, unknown>) => network.call('PATCH', `/groups/${id}`, { by: by.number, ...patch })
const people = (by: ShownPhone, action: string, ...who: ShownPhone[]) =>
  post(`/groups/${id}/participants`, { by: by.number, action, participants: who.map(({ number }) => number) })
const group = async (jid = id) => (await network.call('GET', `/groups/${jid}`)).body
const roles = async () => Object.fromEntries((await group()).members.map((one: { jid: string; role: string }) => [one.jid, one.role]))
/** Changes the network told one person's devices of, in order. */
const news = async (of: ShownPhone, about = id): Promise<string[]> =>
  (await network.call('GET', `/traffic?phone=${of.number}&device=0&tag=notification&direction=out`)).body.stanzas
    .filter(({ stanza }: { stanza: { attrs: Record<string, string> } }) => stanza.attrs.from === about)
    .map(({ stanza }: { stanza: { content: { tag: string }[] } }) => stanza.content[0]?.tag)
const refused = (error: string) => ({ status: 409, body: { error } })
/** How a request of the library ended: WhatsApp's code, or `ok`. */
const code = (request: Promise<unknown>) =>
  request.then(
    () => 'ok',
    (error: { data?: unknown }) => error.data,
  )

test('adding: each person is answered apart, with the reason and an invite where there is one', async () => {
  const private_ = await network.phone('5511900000005')
  const hostile = await network.phone('5511900000006')
  await network.call('PATCH', `/phones/${private_.number}`, { privacy: { groupadd: 'none' } })
  const blocker = new Companion(network.info)
  await post(`/phones/${hostile.number}/scan`, { qr: await blocker.qr() })
  await blocker.open()
  await blocker.sock.onWhatsApp(ana.number)
  await blocker.sendText(ana.jid, 'adeus')
  await blocker.sock.updateBlockStatus(ana.lid, 'block')
  await blocker.close()

  const asked = [davi, bia, private_, hostile].map(({ jid }) => jid)
  const answers = await client.sock.groupParticipantsUpdate(id, [...asked, '5511999999999@s.whatsapp.net'], 'add')
  expect(answers.map(({ status }) => status)).toEqual(['200', '409', '403', '401', '404'])
  expect(answers.map(({ jid }) => jid)).toEqual([davi.lid, bia.lid, private_.lid, hostile.lid, '5511999999999@s.whatsapp.net'])
  expect(await roles()).toEqual({ [ana.jid]: 'superadmin', [bia.jid]: 'member', [caio.jid]: 'member', [davi.jid]: 'member' })
  expect(await news(bia)).toEqual(['create', 'add'])
  expect(await news(davi)).toEqual(['create'])

  const [invite] = (await people(ana, 'add', private_)).body.participants
  expect(invite).toMatchObject({ jid: private_.lid, error: 403, invite: { code: expect.any(String) } })
  const accepting = { by: private_.number, admin: ana.number, ...invite.invite }
  expect(await post(`/groups/${id}/accept`, { ...accepting, code: 'wrong' })).toMatchObject(refused('410 gone'))
  expect(await post(`/groups/${id}/accept`, { ...accepting, by: hostile.number })).toMatchObject(refused('410 gone'))
  network.advance(4 * 86_400_000)
  expect(await post(`/groups/${id}/accept`, accepting)).toMatchObject(refused('410 gone'))
  const again = (await people(ana, 'add', private_)).body.participants[0].invite
  expect((await post(`/groups/${id}/accept`, { ...accepting, ...again })).status).toBe(200)
  expect(await roles()).toMatchObject({ [private_.jid]: 'member' })
  const third = (await people(ana, 'add', hostile)).body.participants[0]
  expect(third).toEqual({ jid: hostile.lid, error: 401 })
})

test('roles: admins promote, demote and remove; nobody touches the creator; members may do none of it', async () => {
  expect(await people(bia, 'remove', caio)).toMatchObject(refused('403 forbidden'))
  expect(await people(bia, 'promote', bia)).toMatchObject(refused('403 forbidden'))
  expect(await client.sock.groupParticipantsUpdate(id, [bia.lid], 'promote')).toMatchObject([{ status: '200', jid: bia.lid }])
  expect((await people(bia, 'demote', ana)).body.participants).toEqual([{ jid: ana.lid, error: 405 }])
  expect((await people(bia, 'remove', ana, caio, davi)).body.participants).toEqual([
    { jid: ana.lid, error: 405 },
    { jid: caio.lid },
    { jid: davi.jid, error: 404 },
  ])
  expect(await roles()).toEqual({ [ana.jid]: 'superadmin', [bia.jid]: 'admin' })
  expect(await news(caio)).toEqual(['create', 'promote', 'remove'])
  expect(await code(client.sock.groupParticipantsUpdate(id, [bia.jid], 'demote'))).toBe('ok')
  expect((await post(`/phones/${caio.number}/messages`, { to: id, text: 'ainda estou aqui?' })).status).toBe(409)
})

test('leaving: the others are told, somebody becomes admin, and whoever left is not added again at once', async () => {
  await client.sock.groupLeave(id)
  expect(await roles()).toEqual({ [bia.jid]: 'admin', [caio.jid]: 'member' })
  expect(await news(bia)).toEqual(['create', 'remove', 'promote'])
  expect(await news(ana)).toEqual(['create', 'remove'])
  expect(await code(client.sock.groupMetadata(id))).toBe(403)
  expect((await people(bia, 'add', ana)).body.participants).toMatchObject([{ jid: ana.lid, error: 408, invite: {} }])
  network.advance(2 * 86_400_000)
  expect((await people(bia, 'add', ana)).body.participants).toEqual([{ jid: ana.lid }])
  expect(await code(client.sock.groupMetadata('120363000000000000@g.us'))).toBe(404)
})

test('what a group is called: members may change it until it is locked; two who edit at once do not overwrite each other', async () => {
  expect(await change(bia, { subject: 'Serra' })).toMatchObject({ status: 200, body: { subject: 'Serra' } })
  expect(await change(bia, { subject: 'x'.repeat(101) })).toMatchObject(refused('406 not-acceptable'))
  await client.sock.groupUpdateDescription(id, 'Sem praia')
  expect(await group()).toMatchObject({ subject: 'Serra', description: { text: 'Sem praia' } })
  const stale = { tag: 'description', attrs: { id: 'X', prev: 'OLD' }, content: [{ tag: 'body', attrs: {}, content: Buffer.from('?') }] }
  expect(await code(client.sock.query({ tag: 'iq', attrs: { to: id, type: 'set', xmlns: 'w:g2' }, content: [stale] }))).toBe(409)
  await client.sock.groupSettingUpdate(id, 'locked')
  expect(await change(bia, { subject: 'Mar' })).toMatchObject(refused('403 forbidden'))
  expect(await change(bia, { description: 'Mar' })).toMatchObject(refused('403 forbidden'))
  expect(await change(bia, { picture: 'AAAA' })).toMatchObject(refused('403 forbidden'))
  await client.sock.groupUpdateDescription(id)
  expect((await group()).description).toBe(null)
  expect(await change(ana, { picture: Buffer.from('jpeg').toString('base64') })).toMatchObject({ status: 200 })
  expect(await client.sock.profilePictureUrl(id, 'image')).toContain('http')
  await client.sock.removeProfilePicture(id)
  expect((await group()).picture).toBe(null)
  expect(await news(caio)).toEqual(['create', 'subject', 'description', 'locked', 'description', 'set', 'delete'])
})

test('switches: admins only, told once each, nothing told of what does not change', async () => {
  const off = { announcement: true, memberAddMode: 'admin_add', joinApproval: true, ephemeral: 86_400 }
  for (const one of [{ announcement: true }, { locked: true }, { memberAddMode: 'admin_add' }, { joinApproval: true }])
    expect(await change(bia, one)).toMatchObject(refused('403 forbidden'))
  await client.sock.groupSettingUpdate(id, 'announcement')
  await client.sock.groupSettingUpdate(id, 'announcement')
  await client.sock.groupMemberAddMode(id, 'admin_add')
  await client.sock.groupJoinApprovalMode(id, 'on')
  await client.sock.groupToggleEphemeral(id, 86_400)
  expect(await group()).toMatchObject(off)
  expect(await client.sock.groupMetadata(id)).toMatchObject({
    announce: true,
    joinApprovalMode: true,
    memberAddMode: false,
    ephemeralDuration: 86_400,
  })
  expect(await people(bia, 'add', davi)).toMatchObject(refused('403 forbidden'))
  await client.sock.groupToggleEphemeral(id, 0)
  expect(await news(bia)).toEqual(['create', 'announcement', 'member_add_mode', 'membership_approval_mode', 'ephemeral', 'not_ephemeral'])
})

test('invite codes: for admins, looked at from outside, used, renewed, revoked', async () => {
  const first = await client.sock.groupInviteCode(id)
  expect(first).toMatch(/^[A-Za-z0-9]{22}$/)
  expect(await post(`/groups/${id}/invite`, { by: bia.number })).toMatchObject(refused('401 not-authorized'))
  const second = await client.sock.groupRevokeInvite(id)
  expect(await post('/groups/join', { by: davi.number, code: first })).toMatchObject(refused('410 gone'))
  expect(await post('/groups/join', { by: davi.number, code: 'nonsense' })).toMatchObject(refused('406 not-acceptable'))
  await network.call('PUT', `/groups/${id}/barred`, { barred: [davi.number] })
  expect(await post('/groups/join', { by: davi.number, code: second })).toMatchObject(refused('403 forbidden'))
  await network.call('PUT', `/groups/${id}/barred`, { barred: [] })
  expect(await post('/groups/join', { by: davi.number, code: second })).toMatchObject({ body: { id, requiresApproval: false } })
  expect(await news(bia)).toEqual(['create', 'invite', 'add'])

  const other = (await post('/groups', { by: davi.number, subject: 'Outro' })).body
  expect(await client.sock.groupGetInviteInfo(other.inviteCode)).toMatchObject({
    id: other.id,
    subject: 'Outro',
    size: 1,
    participants: [],
  })
  expect(await client.sock.groupAcceptInvite(other.inviteCode)).toBe(other.id)
  expect(await client.sock.groupAcceptInvite(other.inviteCode)).toBe(other.id)
  expect(await code(client.sock.groupAcceptInvite(first ?? ''))).toBe(410)
})

test('the queue: who comes by link or is proposed by a member waits for an admin', async () => {
  await change(ana, { joinApproval: true })
  const { inviteCode } = await group()
  const eva = await network.phone('5511900000005')
  expect(await post('/groups/join', { by: davi.number, code: inviteCode })).toMatchObject({ body: { id, requiresApproval: true } })
  expect((await people(bia, 'add', eva)).body.participants).toEqual([{ jid: eva.lid }])
  expect(await client.sock.groupRequestParticipantsList(id)).toMatchObject([
    { jid: davi.lid, phone_number: davi.jid, request_method: 'invite_link' },
    { jid: eva.lid, phone_number: eva.jid, request_method: 'non_admin_add', requestor: bia.lid },
  ])
  expect(await people(bia, 'approve', davi)).toMatchObject(refused('403 forbidden'))
  expect(await client.sock.groupRequestParticipantsUpdate(id, [davi.lid, caio.lid], 'approve')).toEqual([
    { status: '200', jid: davi.lid },
    { status: '404', jid: caio.lid },
  ])
  expect((await people(ana, 'reject', eva)).body.participants).toEqual([{ jid: eva.lid }])
  expect(await roles()).toMatchObject({ [davi.jid]: 'member' })
  expect((await group()).requests).toEqual([])
  await post('/groups/join', { by: eva.number, code: inviteCode })
  expect((await post(`/groups/${id}/cancel`, { by: eva.number })).status).toBe(204)
  const asked = ['created_membership_requests', 'created_membership_requests']
  const after = ['created_membership_requests', 'revoked_membership_requests']
  expect(await news(ana)).toEqual(['create', 'membership_approval_mode', ...asked, 'add', 'revoked_membership_requests', ...after])
  expect(await news(bia)).toEqual(['create', 'membership_approval_mode', 'add'])
})
