/** The four community routes, each from both sides, and what is said in the groups of a community. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { communityRoutes, groupRoutes, phoneGroups } from '../toolkit/groups.ts'
import { at, type Json, list, text } from '../toolkit/json.ts'
import { type Line, linkedLine } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

/** One pixel. */
const picture = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const error = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })
const nobodys = '120363999999999999@g.us'

const notAdmin = 'Not authorized (must be admin of the community and of the group)'

onStage(
  'Communities',
  (stage) => {
    let cast: Promise<{ line: Line; receiver: Receiver; ana: Phone; bea: Phone }> | undefined
    const players = () => {
      cast ??= (async () => {
        const receiver = await stage.receiver()
        const line = await stage.line('communities', { webhookEnabled: true, webhookURL: receiver.url })
        return { line, receiver, ana: await stage.phone({ name: 'Ana' }), bea: await stage.phone({ name: 'Bea' }) }
      })()
      return cast
    }
    const phones = () => phoneGroups(stage.simulator)
    const routes = async () => communityRoutes((await players()).line)
    const create = async (body: { [key: string]: Json }) => (await routes()).create(body)
    const link = async (community: string, groups: readonly string[]) => (await routes()).link(community, groups)
    const unlink = async (community: string, groups: readonly string[]) => (await routes()).unlink(community, groups)
    const subGroups = async (community: string) => (await routes()).subGroups(community)
    const membersOf = async (id: string) =>
      list(await phones().look(id), 'members')
        .map((member) => text(member, 'jid'))
        .sort()
    const announcementsOf = async (community: string) => text(await phones().look(community), 'groups.0')
    const flow = async (group: string, pattern: { [key: string]: Json }) =>
      (await players()).receiver.next({ event: 'group.flow', data: { groupJid: group, ...pattern } })

    it('create: with description, picture and groups, which come in with their people', async () => {
      const { line, ana, bea } = await players()
      const streets: string[] = []
      for (const [name, neighbour] of [
        ['Street 1', ana],
        ['Street 2', bea],
      ] as const)
        streets.push(await groupRoutes(line).ours(name, [neighbour]))
      const made = await create({
        name: ' Neighbours ',
        description: 'All of us',
        image: picture,
        groupJid: streets,
        membershipApprovalMode: 'request_required',
      })
      const jid = text(made.body, 'group.jid')
      const there = await phones().look(jid)
      const [announcements = '', ...linked] = list(there, 'groups').map(String)
      const code = text(there, 'inviteCode')
      expect(made.status).toBe(200)
      expect(made.body).toEqual({
        success: true,
        message: 'Community created successfully',
        isCommunity: true,
        announcementGroupJid: announcements,
        linkedGroups: streets,
        failedGroups: [],
        group: {
          name: 'Neighbours',
          jid,
          description: 'All of us',
          inviteCode: code,
          inviteLink: `https://chat.whatsapp.com/${code}`,
          createdBy: line.phone.jid,
          participantCount: 3,
          participants: expect.arrayContaining([
            { jid: line.phone.jid, lid: line.phone.lid, isAdmin: true, isSuperAdmin: true },
            { jid: ana.jid, lid: ana.lid, isAdmin: false, isSuperAdmin: false },
            { jid: bea.jid, lid: bea.lid, isAdmin: false, isSuperAdmin: false },
          ]),
          groupSettings: expect.objectContaining({ membersCanSendMessages: true }),
          isCommunity: true,
          linkedParentJid: null,
        },
      })
      expect(there).toMatchObject({
        subject: 'Neighbours',
        description: { text: 'All of us' },
        picture: { base64: expect.stringMatching(/^\/9j\//) },
        requestsByDefault: true,
      })
      expect(linked).toEqual(streets)
      const everybody = [line.phone.jid, ana.jid, bea.jid].sort()
      for (const id of [jid, announcements]) expect(await membersOf(id)).toEqual(everybody)
      expect(await phones().look(announcements)).toMatchObject({ announcement: true, community: { id: jid, isAnnouncementGroup: true } })

      // What the others see of it, told to us too.
      const us = { jid: line.phone.jid, lid: line.phone.lid }
      for (const id of [jid, announcements])
        expect(at(await flow(id, { type: 'joined', value: 'created' }), 'data')).toMatchObject({ groupName: 'Neighbours', actor: us })
      expect(at(await flow(jid, { type: 'linked', value: streets[0] ?? '' }), 'data')).toMatchObject({ groupName: 'Neighbours', actor: us })
      expect(at(await flow(streets[0] ?? '', { type: 'linked', value: jid }), 'data')).toMatchObject({ groupName: 'Street 1', actor: us })
      for (const id of [jid, announcements])
        expect(at(await flow(id, { type: 'joined', value: 'community' }), 'data.participants')).toEqual([
          expect.objectContaining({ jid: ana.jid, lid: ana.lid }),
        ])

      expect(await subGroups(jid)).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: '3 subgroup(s) found',
          communityJid: jid,
          subgroups: [
            { jid: announcements, name: 'Neighbours', isDefaultSubGroup: true },
            { jid: streets[0], name: 'Street 1', isDefaultSubGroup: false },
            { jid: streets[1], name: 'Street 2', isDefaultSubGroup: false },
          ],
        },
      })
    })

    it('create: what fails does not lose the community', async () => {
      const { line, ana } = await players()
      const own = await groupRoutes(line).ours('Own', [ana])
      const foreign = await phones().create({ by: ana, subject: 'Foreign', participants: [line.phone] })
      const made = await create({
        name: 'Partly',
        image: 'http://127.0.0.1:1/nothing.jpg',
        groupJid: [foreign, 'nonsense', own, nobodys],
      })
      const jid = text(made.body, 'group.jid')
      expect(made).toMatchObject({
        status: 200,
        body: {
          success: true,
          isCommunity: true,
          group: { name: 'Partly', description: '' },
          imageError: expect.stringMatching(/^Failed to download media: /),
          linkedGroups: [own],
          failedGroups: [foreign, 'nonsense', nobodys],
          groupErrors: { [foreign]: notAdmin, nonsense: 'Invalid group JID', [nobodys]: 'Group not found' },
        },
      })
      expect(list(await phones().look(jid), 'groups')).toEqual([text(made.body, 'announcementGroupJid'), own])
    })

    it('create: open, or by request, is what groups made in it begin with', async () => {
      const { line, ana } = await players()
      for (const [mode, requiresApproval] of [
        ['', false],
        ['request_required', true],
      ] as const) {
        const community = text((await create({ name: 'Doors', membershipApprovalMode: mode })).body, 'group.jid')
        const inside = await groupRoutes(line).create({ name: 'Inside', participants: [ana.number], communityJid: community })
        expect(at(inside.body, 'group')).toMatchObject({
          linkedParentJid: community,
          groupSettings: { requireAdminApproval: requiresApproval },
        })
        const cid = await stage.phone({ name: 'Cid' })
        await phones().members(community, line.phone, 'add', [cid])
        expect(await phones().enter(text(inside.body, 'group.jid'), cid)).toBe(requiresApproval)
      }
    })

    it('create: an account that may have no community gets a regular group', async () => {
      const { line } = await players()
      const group = await groupRoutes(line).ours('Left out', [(await players()).ana])
      const match = { xmlns: 'w:g2', type: 'set', phone: line.phone.number, times: 1 }
      await stage.simulator.fault({ action: 'iq-error', code: 400, text: 'bad-request', match })
      const made = await create({ name: 'No community', description: 'But a group', image: picture, groupJid: [group] })
      expect(made).toMatchObject({
        status: 200,
        body: {
          success: true,
          message: 'WhatsApp refused to create a community: a regular group was created instead',
          isCommunity: false,
          announcementGroupJid: null,
          group: { name: 'No community', description: 'But a group', isCommunity: false, participantCount: 1 },
          linkedGroups: [],
          failedGroups: [group],
          groupErrors: { [group]: 'Groups can only be linked to a community' },
        },
      })
      const jid = text(made.body, 'group.jid')
      expect(await phones().look(jid)).toMatchObject({ groups: null, picture: { base64: expect.stringMatching(/^\/9j\//) } })
      expect(await link(jid, [group])).toMatchObject({ status: 200, body: { success: false, linked: [], failed: [group] } })
    })

    it('create: refused', async () => {
      expect(await create({})).toMatchObject(error(400, 'Name is required'))
      expect(await create({ name: 'x'.repeat(26) })).toMatchObject(error(400, 'Community name must be at most 25 characters'))
      expect(await create({ name: 'x', description: 'x'.repeat(2049) })).toMatchObject(
        error(400, 'Community description must be at most 2048 characters'),
      )
      expect(await create({ name: 'x', membershipApprovalMode: 'maybe' })).toMatchObject(
        error(400, 'Invalid membershipApprovalMode: maybe'),
      )
      const refusals = [
        [403, error(403, 'Not authorized to create a community')],
        [429, error(429, 'WhatsApp rate limit reached. Try again later.')],
        [406, error(500, 'Failed to create community: WhatsApp refused: refused')],
      ] as const
      for (const [code, answer] of refusals) {
        const match = { xmlns: 'w:g2', type: 'set', times: 1 }
        await stage.simulator.fault({ action: 'iq-error', code, text: 'refused', match })
        expect(await create({ name: 'x' })).toMatchObject(answer)
      }
    })

    it('link and unlink: each group apart, with the reason for those that fail', async () => {
      const { line, ana, bea } = await players()
      const community = text((await create({ name: 'Club' })).body, 'group.jid')
      const announcements = await announcementsOf(community)
      const own = await groupRoutes(line).ours('Chess', [ana])
      const taken = await groupRoutes(line).ours('Taken', [bea])
      await phones().link(await phones().community(line.phone, 'Another club'), line.phone, [taken])
      const foreign = await phones().create({ by: bea, subject: 'Foreign', participants: [line.phone] })
      const wrong = { [taken]: 'Already in a community', [foreign]: notAdmin, nonsense: 'Invalid group JID' }
      const left = { ...wrong, [announcements]: 'Already in a community', [community]: 'This group cannot be linked' }

      expect(await link(community, [own, ...Object.keys(left), own])).toEqual(
        expect.objectContaining({
          status: 200,
          body: { success: true, message: 'Linked 1 of 6 groups to community', linked: [own], failed: Object.keys(left), errors: left },
        }),
      )
      expect(await phones().look(own)).toMatchObject({ community: { id: community } })
      expect(await membersOf(announcements)).toEqual([line.phone.jid, ana.jid].sort())
      const all = await line.api.get('/api/group/list/communities?includeMembers=false')
      const listed = (id: string) => list(all.body, 'groups').find((group) => at(group, 'groupJid') === id)
      expect(listed(community)).toMatchObject({ isCommunity: true, name: 'Club', isAdmin: true })
      expect(listed(announcements)).toMatchObject({ isCommunity: false, isAnnounce: true })
      expect(await groupRoutes(line).info(own)).toMatchObject({ body: { group: { linkedParentJid: community, isDefaultSubGroup: false } } })
      expect(await groupRoutes(line).info(announcements)).toMatchObject({ body: { group: { isDefaultSubGroup: true } } })

      const kept = { [announcements]: 'The announcement group cannot be unlinked', [taken]: 'Not a group of this community' }
      expect(await unlink(community, [announcements, own, taken])).toEqual(
        expect.objectContaining({
          status: 200,
          body: {
            success: true,
            message: 'Unlinked 1 of 3 groups from community',
            linked: [own],
            failed: [announcements, taken],
            errors: kept,
          },
        }),
      )
      expect(await phones().look(own)).toMatchObject({ community: null })
      expect(await membersOf(own)).toEqual([line.phone.jid, ana.jid].sort())
      expect(at(await flow(own, { type: 'unlinked' }), 'data')).toMatchObject({ value: community, groupName: 'Chess' })
      expect(at(await flow(community, { type: 'unlinked' }), 'data')).toMatchObject({ value: own, groupName: 'Club' })
      expect((await subGroups(community)).body).toMatchObject({ message: '1 subgroup(s) found', subgroups: [{ jid: announcements }] })

      // Nothing was done to any: no success, and no error either.
      expect(await unlink(community, [own])).toMatchObject({
        status: 200,
        body: { success: false, message: 'Unlinked 0 of 1 groups from community', linked: [], failed: [own] },
      })
      expect(await link(community, ['nonsense'])).toMatchObject({ status: 200, body: { success: false, failed: ['nonsense'] } })
    })

    it('link and unlink are for admins of the community, and linking for those of the group too', async () => {
      const { line, ana, bea } = await players()
      const community = await phones().community(ana, 'Of Ana', [line.phone])
      const own = await groupRoutes(line).ours('Mine', [bea])
      const theirs = await phones().create({ by: ana, subject: 'Theirs', participants: [line.phone] })
      await phones().link(community, ana, [theirs])
      const failed = (groups: string[], reason: string) => ({
        status: 200,
        body: { success: false, linked: [], failed: groups, errors: Object.fromEntries(groups.map((group) => [group, reason])) },
      })
      // A member.
      expect(await link(community, [own])).toMatchObject(failed([own], notAdmin))
      expect(await unlink(community, [theirs])).toMatchObject(failed([theirs], 'Not authorized (must be admin of the community)'))
      // An admin, who takes a group out without being one there, and brings none in.
      await phones().members(community, ana, 'promote', [line.phone])
      expect(await unlink(community, [theirs])).toMatchObject({ body: { success: true, linked: [theirs] } })
      expect(await link(community, [theirs])).toMatchObject(failed([theirs], notAdmin))
      expect(await link(community, [own])).toMatchObject({ body: { success: true, linked: [own] } })
      // Nobody of it, and not even a community.
      expect(await link(await phones().community(ana, 'Strange'), [own])).toMatchObject(failed([own], notAdmin))
      expect(await link(nobodys, [own])).toMatchObject(failed([own], 'Group not found'))
      expect(await link(theirs, [own])).toMatchObject(failed([own], 'This group cannot be linked'))
    })

    it('link and unlink: refused', async () => {
      const { line } = await players()
      const own = await groupRoutes(line).ours('Waiting', [(await players()).ana])
      const { api } = line
      for (const verb of ['link', 'unlink']) {
        const post = (body: { [key: string]: Json }) => api.post(`/api/community/${verb}/communities`, body)
        expect(await post({})).toMatchObject(error(400, 'community jid is required'))
        expect(await post({ communityJid: ' ', groupJid: [own] })).toMatchObject(error(400, 'community jid is required'))
        expect(await post({ communityJid: nobodys })).toMatchObject(error(400, 'group jid is required'))
        expect(await post({ communityJid: nobodys, groupJid: [] })).toMatchObject(error(400, 'group jid is required'))
        expect(await post({ communityJid: 'https://chat.whatsapp.com/x', groupJid: [own] })).toMatchObject(
          error(500, 'error parse community jid: https://chat.whatsapp.com/x is not a group JID'),
        )
        const match = { xmlns: 'w:g2', type: 'set', times: 1 }
        await stage.simulator.fault({ action: 'iq-error', code: 429, text: 'rate-overlimit', match })
        expect(await post({ communityJid: nobodys, groupJid: [own] })).toMatchObject(
          error(429, 'WhatsApp rate limit reached. Try again later.'),
        )
      }
      const community = text((await create({ name: 'Slow down' })).body, 'group.jid')
      expect(await link(community, [own])).toMatchObject({ body: { success: true } })
      // Once something was done it is told, and WhatsApp is left alone.
      const others = [await groupRoutes(line).ours('Second', [(await players()).ana]), nobodys]
      const back = unlink(community, [own, ...others])
      await eventually('the first to be out', async () => at(await phones().look(own), 'community') === null)
      const end = await stage.simulator.fault({ action: 'iq-error', code: 429, text: 'rate-overlimit', match: { xmlns: 'w:g2' } })
      expect(await back).toMatchObject({
        status: 200,
        body: { success: true, linked: [own], failed: others, errors: { [nobodys]: 'WhatsApp rate limit reached. Try again later.' } },
      })
      await end()
    })

    it('listSubGroups: those the account is in', async () => {
      const { line, ana, bea } = await players()
      const community = await phones().community(ana, 'Village', [line.phone])
      const [open, closed] = [await phones().create({ by: ana, subject: 'Open' }), await phones().create({ by: ana, subject: 'Closed' })]
      await phones().link(community, ana, [open, closed])
      await phones().enter(open, line.phone)
      const announcements = await announcementsOf(community)
      const found = {
        status: 200,
        body: {
          success: true,
          message: '2 subgroup(s) found',
          communityJid: community,
          subgroups: [
            { jid: announcements, name: 'Village', isDefaultSubGroup: true },
            { jid: open, name: 'Open', isDefaultSubGroup: false },
          ],
        },
      }
      expect(await subGroups(community)).toEqual(expect.objectContaining(found))
      expect(await subGroups(community.replace('@g.us', ''))).toEqual(expect.objectContaining(found))
      const none = (communityJid: string) => ({ status: 200, body: { message: '0 subgroup(s) found', communityJid, subgroups: [] } })
      const strange = await phones().community(bea, 'Strange')
      for (const other of [strange, nobodys, open]) expect(await subGroups(other)).toMatchObject(none(other))

      expect(await subGroups('')).toMatchObject(error(400, 'communityJid query parameter is required'))
      expect(await subGroups('KxQ7abcDEF012345678901')).toMatchObject(
        error(400, 'invalid community JID: KxQ7abcDEF012345678901 is not a group JID'),
      )
      const match = { xmlns: 'w:g2', type: 'get', times: 1 }
      await stage.simulator.fault({ action: 'iq-error', code: 500, text: 'internal', match })
      expect(await subGroups(community)).toMatchObject(error(500, 'failed to get groups: WhatsApp refused: internal'))
    })

    it('what is said in the announcement group says that it is one, and shows no numbers', async () => {
      const { line, ana, receiver } = await players()
      const mouse = await stage.line('mouse', { webhookEnabled: true, webhookURL: receiver.url })
      const street = await groupRoutes(line).ours('Street', [ana, mouse.phone])
      const made = await create({ name: 'Square', groupJid: [street] })
      const announcements = text(made.body, 'announcementGroupJid')
      for (const { name } of [line, mouse])
        await receiver.next({ event: 'group.flow', data: { groupJid: announcements }, instanceData: { instance: name } })
      const told = async (id: string, instance: Line) =>
        at(await receiver.next({ event: 'message.exchange', data: { id }, instanceData: { instance: instance.name } }), 'data')

      // Ours, to everybody in any group of it.
      const sent = await line.text(announcements, 'Meeting at eight')
      expect(sent).toMatchObject({ status: 200, body: { data: { chat: { jid: announcements, groupName: 'Square' } } } })
      const id = text(sent.body, 'data.messageId')
      expect(await ana.next({ id })).toMatchObject({ chat: announcements, text: 'Meeting at eight' })
      const chat = { jid: announcements, lid: null, name: 'Square', type: 'group', isCommunity: true }
      expect(await told(id, line)).toMatchObject({
        direction: 'outgoing',
        chat,
        recipient: { jid: announcements, lid: null, name: 'Square' },
      })
      expect(await told(id, mouse)).toMatchObject({
        direction: 'incoming',
        chat,
        sender: { lid: line.phone.lid, name: line.phone.name },
        message: { content: 'Meeting at eight' },
      })
      expect(at(await receiver.next({ event: 'message.status', data: { messageIds: [id], status: 'delivered' } }), 'data.chat')).toEqual({
        jid: announcements,
        lid: null,
        type: 'group',
        isCommunity: true,
      })

      // Somebody nobody has met: only the LID is known, and no number is made of it.
      const cid = await stage.phone({ name: 'Cid' })
      const community = text(made.body, 'group.jid')
      await phones().members(community, line.phone, 'add', [cid])
      await phones().members(announcements, line.phone, 'promote', [cid])
      const his = await cid.send(announcements, 'I am new')
      expect(await told(his, mouse)).toMatchObject({ chat, sender: { jid: null, lid: cid.lid, name: 'Cid' } })

      // Linked groups are groups like any other.
      const hers = await ana.send(street, 'who has a ladder?')
      expect(at(await told(hers, mouse), 'chat')).toEqual({ jid: street, lid: null, name: 'Street', type: 'group' })

      // Members may not announce.
      const refused = await mouse.text(announcements, 'me too')
      expect(await receiver.next({ event: 'message.status', data: { messageIds: [text(refused.body, 'data.messageId')] } })).toMatchObject({
        data: { status: 'server_error', chat: { isCommunity: true } },
      })

      // That it is one is known after a restart, and to whoever is linked later.
      await stage.gateway.restart()
      await mouse.waitFor('connected')
      expect(at(await told(await cid.send(announcements, 'after the restart'), mouse), 'chat')).toEqual(chat)
      const late = await linkedLine(stage.gateway, stage.account, cid, 'late', { webhookEnabled: true, webhookURL: receiver.url })
      const known = await eventually('the groups to be known', async () => {
        const answer = await late.text(announcements, 'from the desk')
        return at(answer.body, 'data.chat.groupName') === 'Square' && answer
      })
      expect(at(await told(text(known.body, 'data.messageId'), late), 'chat')).toEqual(chat)
    }, 60_000)

    it('not connected', async () => {
      await stage.account.post('/api/instance/new', { name: 'offline' })
      const offline = error(400, 'Instance is not connected to WhatsApp')
      const on = communityRoutes({ api: stage.account, name: 'offline' })
      expect(await on.create({ name: 'x' })).toMatchObject(offline)
      expect(await on.link(nobodys, [nobodys])).toMatchObject(offline)
      expect(await on.unlink(nobodys, [nobodys])).toMatchObject(offline)
      expect(await on.subGroups(nobodys)).toMatchObject(offline)
    })
  },
  { databases: bothDatabases },
)
