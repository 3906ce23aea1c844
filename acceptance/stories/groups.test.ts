/** The nine group routes, each seen from both sides: what the API answers and what the network and the other phones then have. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { groupRoutes, phoneGroups } from '../toolkit/groups.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import type { Line } from '../toolkit/line.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

/** One pixel. */
const picture = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const rfc3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
const error = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })
const noMember = error(404, 'Group not found or you are not a member of this group')

onStage(
  'Groups',
  (stage) => {
    let cast: Promise<{ line: Line; ana: Phone; bea: Phone; cid: Phone }> | undefined
    const players = () => {
      cast ??= (async () => ({
        line: await stage.line('groups'),
        ana: await stage.phone({ name: 'Ana' }),
        bea: await stage.phone({ name: 'Bea' }),
        cid: await stage.phone({ name: 'Cid' }),
      }))()
      return cast
    }
    const phones = () => phoneGroups(stage.simulator)

    const routes = async () => groupRoutes((await players()).line)
    const create = async (body: { [key: string]: Json }) => (await routes()).create(body)
    const info = async (identifier: string, more?: string) => (await routes()).info(identifier, more)
    const update = async (identifier: string, body: { [key: string]: Json }) => (await routes()).update(identifier, body)
    const ours = async (name: string, people: readonly Phone[]) => (await routes()).ours(name, people)

    it('create: everything in one call', async () => {
      const { line, ana, bea } = await players()
      const community = await phones().community(line.phone, 'Neighbours')
      const made = await create({
        name: ' Blue team ',
        participants: [ana.number, bea.lid, ana.jid],
        description: 'News of the team',
        image: picture,
        communityJid: community,
        groupSettings: { membersCanSendMessages: false, requireAdminApproval: true, membersCanAddOthers: false },
      })
      const jid = text(made.body, 'group.jid')
      const there = await phones().look(jid)
      const code = text(there, 'inviteCode')
      expect(made.status).toBe(201)
      expect(made.body).toEqual({
        success: true,
        message: 'Group created successfully',
        group: {
          name: 'Blue team',
          jid,
          description: 'News of the team',
          inviteCode: code,
          inviteLink: `https://chat.whatsapp.com/${code}`,
          createdBy: line.phone.jid,
          participantCount: 3,
          participants: expect.arrayContaining([
            { jid: line.phone.jid, lid: line.phone.lid, isAdmin: true, isSuperAdmin: true },
            { jid: ana.jid, lid: ana.lid, isAdmin: false, isSuperAdmin: false },
            { jid: bea.jid, lid: bea.lid, isAdmin: false, isSuperAdmin: false },
          ]),
          groupSettings: {
            membersCanEditInfo: true,
            membersCanSendMessages: false,
            membersCanAddOthers: false,
            requireAdminApproval: true,
          },
          isCommunity: false,
          linkedParentJid: community,
        },
      })
      expect(there).toMatchObject({
        subject: 'Blue team',
        description: { text: 'News of the team' },
        announcement: true,
        joinApproval: true,
        memberAddMode: 'admin_add',
        community: { id: community },
        picture: { base64: expect.stringMatching(/^\/9j\//) },
      })
    })

    it('create: what fails does not lose the group', async () => {
      const { ana, cid } = await players()
      await cid.change({ privacy: { groupadd: 'contacts' } })
      const made = await create({
        name: 'Partly',
        participants: [ana.number, '34611000999', cid.number],
        image: 'http://127.0.0.1:1/nothing.jpg',
        description: 'still there',
      })
      expect(made).toMatchObject({
        status: 201,
        body: {
          success: true,
          group: { name: 'Partly', description: 'still there', participantCount: 2 },
          imageError: expect.stringMatching(/^Failed to download media: /),
          failedParticipants: [
            {
              jid: '34611000999@s.whatsapp.net',
              phoneNumber: '34611000999@s.whatsapp.net',
              success: false,
              error: 'Number is not registered on WhatsApp',
            },
            {
              jid: cid.lid,
              phoneNumber: cid.jid,
              success: false,
              error: 'Privacy settings of the participant do not allow adding; an invite is needed',
              invite: { code: expect.any(String), expiresAt: rfc3339, sent: false },
            },
          ],
        },
      })
      expect(made.body).not.toHaveProperty('descriptionError')
      await cid.change({ privacy: { groupadd: 'all' } })
    })

    it('create: refused', async () => {
      const { ana, bea } = await players()
      const participants = [ana.number]
      expect(await create({ participants })).toMatchObject(error(400, 'Name is required'))
      expect(await create({ name: 'x'.repeat(101), participants })).toMatchObject(error(400, 'Group name must be at most 100 characters'))
      expect(await create({ name: 'x' })).toMatchObject(error(400, 'At least one participant is required'))
      expect(await create({ name: 'x', participants: [] })).toMatchObject(error(400, 'At least one participant is required'))
      expect(await create({ name: 'x', participants: ['nobody'] })).toMatchObject(error(400, 'Invalid participant: nobody'))
      expect(await create({ name: 'x', participants: ['34611000999'] })).toMatchObject(
        error(400, 'Number 34611000999 is not registered on WhatsApp'),
      )
      expect(await create({ name: 'x', participants, description: 'x'.repeat(2049) })).toMatchObject(
        error(400, 'Group description must be at most 2048 characters'),
      )
      expect(await create({ name: 'x', participants, communityJid: ana.jid })).toMatchObject(error(400, 'Invalid community JID'))
      expect(await create({ name: 'x', participants, communityJid: '120363999999999999@g.us' })).toMatchObject(
        error(404, 'Community not found'),
      )
      const community = await phones().community(bea, 'Of others')
      expect(await create({ name: 'x', participants, communityJid: community })).toMatchObject(
        error(403, 'Not authorized to create a group in this community (must be admin)'),
      )
    })

    it('list: with and without members, by LID and by number', async () => {
      const { line, ana, bea } = await players()
      const old = await phones().create({
        by: ana,
        subject: 'By number',
        participants: [line.phone, bea],
        addressing: 'pn',
        announcement: true,
      })
      const young = await ours('By LID', [ana])
      const full = await line.api.get('/api/group/list/groups')
      const groups = list(full.body, 'groups')
      expect(full).toMatchObject({
        status: 200,
        body: { success: true, message: `${groups.length} groups found`, meta: { total: groups.length } },
      })
      expect(groups.find((group) => at(group, 'groupJid') === old)).toEqual({
        groupJid: old,
        name: 'By number',
        description: '',
        memberCount: 3,
        isCommunity: false,
        isAnnounce: true,
        isAdmin: false,
        createdAt: rfc3339,
        participants: [
          { jid: ana.jid, lid: ana.lid, isAdmin: true, isSuperAdmin: true },
          { jid: line.phone.jid, lid: line.phone.lid, isAdmin: false, isSuperAdmin: false },
          { jid: bea.jid, lid: bea.lid, isAdmin: false, isSuperAdmin: false },
        ],
      })
      expect(groups.find((group) => at(group, 'groupJid') === young)).toMatchObject({ name: 'By LID', isAdmin: true, isAnnounce: false })
      const short = await line.api.get('/api/group/list/groups?includeMembers=false')
      expect(list(short.body, 'groups')).toHaveLength(groups.length)
      for (const group of list(short.body, 'groups')) expect(group).not.toHaveProperty('participants')
      expect(list(short.body, 'groups').find((group) => at(group, 'groupJid') === young)).toMatchObject({ memberCount: 2, isAdmin: true })
    })

    it('info: by JID, code and link, and of a group only the link is known of', async () => {
      const { line, ana, bea } = await players()
      const id = await phones().create({
        by: ana,
        subject: 'To look at',
        participants: [line.phone],
        description: 'What for',
        ephemeral: 86_400,
      })
      await phones().change(id, ana, { picture: '/9j/4AAQ' })
      const code = text(await phones().look(id), 'inviteCode')
      const detail = {
        name: 'To look at',
        jid: id,
        description: 'What for',
        image: expect.stringMatching(/^https?:\/\//),
        inviteCode: null,
        inviteLink: null,
        createdBy: ana.jid,
        createdAt: rfc3339,
        participantCount: 2,
        participants: [
          { jid: ana.jid, lid: ana.lid, isAdmin: true, isSuperAdmin: true },
          { jid: line.phone.jid, lid: line.phone.lid, isAdmin: false, isSuperAdmin: false },
        ],
        groupSettings: { membersCanEditInfo: true, membersCanSendMessages: true, membersCanAddOthers: true, requireAdminApproval: false },
        metadata: { name: { by: ana.jid, at: rfc3339 }, description: { by: ana.jid, at: rfc3339 } },
        isCommunity: false,
        linkedParentJid: null,
        isEphemeral: true,
        isIncognito: false,
        isSuspended: false,
        isDefaultSubGroup: false,
      }
      const asMember = await info(id)
      expect(asMember.status).toBe(200)
      expect(asMember.body).toEqual({ success: true, message: 'Group info retrieved successfully', group: detail })
      const link = `https://chat.whatsapp.com/${code}`
      for (const identifier of [code, link, `${link}?mode=ac_t`])
        expect(at((await info(identifier)).body, 'group')).toEqual({ ...detail, inviteCode: code, inviteLink: link })
      expect(at((await info(id, '&participants=false')).body, 'group')).not.toHaveProperty('participants')

      await phones().members(id, ana, 'promote', [line.phone])
      expect(at((await info(id)).body, 'group.inviteLink')).toBe(link)

      const foreign = await phones().create({ by: ana, subject: 'Of strangers', participants: [bea], description: 'Come in' })
      const foreignCode = text(await phones().look(foreign), 'inviteCode')
      expect(at((await info(`https://chat.whatsapp.com/${foreignCode}`)).body, 'group')).toMatchObject({
        name: 'Of strangers',
        jid: foreign,
        description: 'Come in',
        participantCount: 2,
        participants: [],
        inviteCode: foreignCode,
        createdBy: ana.jid,
        image: null,
      })
      expect(at(await phones().look(foreign), 'members')).toHaveLength(2)

      expect(await info(foreign)).toMatchObject(noMember)
      expect(await info('120363999999999999@g.us')).toMatchObject(noMember)
      expect(await info('no such code!')).toMatchObject(noMember)
      expect(await info('')).toMatchObject(error(400, 'Identifier is required'))
      await phones().renewCode(foreign, ana)
      expect(await info(foreignCode)).toMatchObject(noMember)
    })

    it('update: name, description, picture and settings', async () => {
      const { line, ana } = await players()
      const id = await ours('Before', [ana])
      const groupSettings = { membersCanEditInfo: false, membersCanSendMessages: false }
      const done = await update(id, { name: 'After', description: 'Now with text', image: picture, groupSettings })
      expect(done).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: 'Group updated successfully: name, description, image, groupSettings',
          group: { name: 'After', description: 'Now with text', groupSettings },
        },
      })
      expect(await phones().look(id)).toMatchObject({
        subject: 'After',
        description: { text: 'Now with text' },
        locked: true,
        announcement: true,
        picture: { base64: expect.stringMatching(/^\/9j\//) },
      })
      // Somebody else's words are replaced too.
      await phones().members(id, line.phone, 'promote', [ana])
      await phones().change(id, ana, { description: 'Of Ana' })
      expect(await update(id, { description: 'Of ours' })).toMatchObject({ body: { group: { description: 'Of ours', name: 'After' } } })
      expect(await update(id, { description: '', removeImage: true, image: picture })).toMatchObject({
        status: 200,
        body: { message: 'Group updated successfully: description, image', group: { description: '' } },
      })
      expect(await phones().look(id)).toMatchObject({ description: null, picture: null })
      expect(await update(id, { name: 'With bad picture', image: 'http://127.0.0.1:1/x.jpg' })).toMatchObject({
        status: 200,
        body: { message: 'Group updated successfully: name', errors: { image: expect.stringMatching(/^Failed to download media: /) } },
      })
    })

    it('update: refused', async () => {
      const { line, ana } = await players()
      const id = await phones().create({ by: ana, subject: 'Locked', participants: [line.phone], locked: true })
      expect(await update(id, { name: 'Mine' })).toMatchObject(error(403, 'Not authorized to update this group (must be admin)'))
      expect(await update(id, { groupSettings: { membersCanEditInfo: true } })).toMatchObject(
        error(403, 'Not authorized to update this group (must be admin)'),
      )
      await phones().change(id, ana, { locked: false })
      // Open to all: the name may be changed, who may do what may not.
      expect(await update(id, { name: 'Ours', groupSettings: { requireAdminApproval: true } })).toMatchObject({
        status: 200,
        body: {
          message: 'Group updated successfully: name',
          errors: { groupSettings: 'Not authorized to update this group (must be admin)' },
          group: { name: 'Ours', inviteCode: null },
        },
      })
      expect(await update(id, {})).toMatchObject(error(400, 'At least one field must be provided'))
      expect(await update(id, { groupSettings: {} })).toMatchObject(error(400, 'At least one field must be provided'))
      expect(await update(id, { image: 'http://127.0.0.1:1/x.jpg' })).toMatchObject({ status: 400 })
      expect(await update('', { name: 'x' })).toMatchObject(error(400, 'Identifier is required'))
      expect(await update('120363999999999999@g.us', { name: 'x' })).toMatchObject(noMember)
      const foreign = await phones().create({ by: ana, subject: 'Foreign' })
      expect(await update(foreign, { name: 'x' })).toMatchObject(noMember)
      expect(await update(text(await phones().look(foreign), 'inviteCode'), { name: 'x' })).toMatchObject(noMember)
    })

    it('not connected', async () => {
      const { body } = await stage.account.post('/api/instance/new', { name: 'offline' })
      expect(body).toMatchObject({ success: true })
      const offline = error(400, 'Instance is not connected to WhatsApp')
      const id = '120363000000000101@g.us'
      expect(await stage.account.post('/api/group/create/offline', { name: 'x', participants: ['34600111222'] })).toMatchObject(offline)
      expect(await stage.account.get('/api/group/list/offline')).toMatchObject(offline)
      expect(await stage.account.get(`/api/group/info/offline?identifier=${id}`)).toMatchObject(offline)
      expect(await stage.account.put('/api/group/update/offline', { identifier: id, name: 'x' })).toMatchObject(offline)
      expect(
        await stage.account.post('/api/group/participants/offline', { identifier: id, action: 'add', participants: ['34600111222'] }),
      ).toMatchObject(offline)
      expect(await stage.account.post('/api/group/join/offline', { identifier: 'KxQ7abcDEF012345678901' })).toMatchObject(offline)
      expect(await stage.account.post('/api/group/resetLink/offline', { identifier: id })).toMatchObject(offline)
      expect(await stage.account.get(`/api/group/requests/offline?identifier=${id}`)).toMatchObject(offline)
      expect(await stage.account.delete(`/api/group/leave/offline?identifier=${id}`)).toMatchObject(offline)
    })
  },
  { databases: bothDatabases },
)
