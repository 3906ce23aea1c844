/** Who is in a group: participants, requests, joining, links, leaving, and who gets what is written. From both sides. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { type GroupRoutes, groupRoutes, phoneGroups, rolesIn } from '../toolkit/groups.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import { type Line, linkedLine } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

const rfc3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
const error = (status: number, message: string) => ({ status, body: { success: false, error: { message } } })
const noMember = error(404, 'Group not found or you are not a member of this group')

onStage(
  'Members of groups',
  (stage) => {
    let cast: Promise<{ line: Line; receiver: Receiver; ana: Phone; bea: Phone; cid: Phone }> | undefined
    const players = () => {
      cast ??= (async () => {
        const receiver = await stage.receiver()
        return {
          line: await stage.line('groups', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['group.flow'] }),
          receiver,
          ana: await stage.phone({ name: 'Ana' }),
          bea: await stage.phone({ name: 'Bea' }),
          cid: await stage.phone({ name: 'Cid' }),
        }
      })()
      return cast
    }
    const phones = () => phoneGroups(stage.simulator)

    const routes = async () => groupRoutes((await players()).line)
    const info = async (identifier: string) => (await routes()).info(identifier)
    const update = async (identifier: string, body: { [key: string]: Json }) => (await routes()).update(identifier, body)
    const manage = async (...asked: Parameters<GroupRoutes['manage']>) => (await routes()).manage(...asked)
    const join = async (identifier: string) => (await routes()).join(identifier)
    const reset = async (identifier: string) => (await routes()).reset(identifier)
    const requests = async (identifier: string) => (await routes()).requests(identifier)
    const leave = async (identifier: string) => (await routes()).leave(identifier)
    const ours = async (name: string, people: readonly Phone[]) => (await routes()).ours(name, people)
    const rolesOf = async (id: string) => rolesIn(await phones().look(id))

    it('participants: add, with a reason for each who could not be', async () => {
      const { line, ana, bea, cid } = await players()
      const id = await ours('Growing', [ana])
      await cid.change({ privacy: { groupadd: 'contacts' } })
      const added = await manage(id, 'add', [bea.number, ana.number, cid.number, '34611000999'])
      const refusedInvite = { code: expect.any(String), expiresAt: rfc3339, sent: false }
      expect(added.status).toBe(200)
      expect(added.body).toEqual({
        success: true,
        message: 'Participants updated',
        groupJid: id,
        action: 'add',
        participants: [
          { jid: bea.lid, phoneNumber: bea.jid, success: true },
          { jid: ana.lid, phoneNumber: ana.jid, success: false, error: 'Already a member of this group' },
          {
            jid: cid.lid,
            phoneNumber: cid.jid,
            success: false,
            error: 'Privacy settings of the participant do not allow adding; an invite is needed',
            invite: refusedInvite,
          },
          {
            jid: '34611000999@s.whatsapp.net',
            phoneNumber: '34611000999@s.whatsapp.net',
            success: false,
            error: 'Number is not registered on WhatsApp',
          },
        ],
      })
      expect(await rolesOf(id)).toEqual({ [line.phone.lid]: 'superadmin', [ana.lid]: 'member', [bea.lid]: 'member' })

      // The way round: the invite goes to the person, who comes in with it.
      const again = await manage(id, 'add', [cid.number], { sendInvite: true })
      const code = text(again.body, 'participants.0.invite.code')
      expect(again.body).toMatchObject({ participants: [{ success: false, invite: { sent: true } }] })
      const got = await cid.next({ message: { groupInviteMessage: { inviteCode: code } } })
      expect(got).toMatchObject({ message: { groupInviteMessage: { groupJid: id, groupName: 'Growing' } } })
      const expiration = Number(at(got, 'message.groupInviteMessage.inviteExpiration'))
      await phones().accept(id, cid, { code, expiration, admin: line.phone.jid })
      expect(await rolesOf(id)).toMatchObject({ [cid.lid]: 'member' })
      await cid.change({ privacy: { groupadd: 'all' } })
    })

    for (const addressing of ['lid', 'pn'])
      it(`participants: promote, demote and remove in a group by ${addressing}`, async () => {
        const { line, ana, bea, cid } = await players()
        const id = await phones().create({ by: ana, subject: 'Roles', participants: [line.phone, bea, cid], addressing })
        const forbidden = error(403, 'Not authorized to manage participants of this group (must be admin)')
        expect(await manage(id, 'promote', [bea.number])).toMatchObject(forbidden)
        await phones().members(id, ana, 'promote', [line.phone])
        expect(await manage(id, 'promote', [bea.number, '34611000999'])).toMatchObject({
          status: 200,
          body: { action: 'promote', participants: [{ jid: bea.lid, phoneNumber: bea.jid, success: true }, { success: false }] },
        })
        expect(await rolesOf(id)).toMatchObject({ [bea.lid]: 'admin' })
        expect(await manage(id, 'demote', [bea.lid, ana.number])).toMatchObject({
          body: { participants: [{ success: true }, { jid: ana.lid, success: false, error: 'Not allowed for this participant' }] },
        })
        expect(await rolesOf(id)).toMatchObject({ [bea.lid]: 'member', [ana.lid]: 'superadmin' })
        const stranger = await stage.phone()
        expect(await manage(id, 'remove', [bea.jid, stranger.number, ana.lid])).toMatchObject({
          body: {
            participants: [
              { success: true },
              { jid: stranger.lid, success: false, error: 'Not a member of this group' },
              { success: false, error: 'Not allowed for this participant' },
            ],
          },
        })
        expect(Object.keys(await rolesOf(id)).sort()).toEqual([ana.lid, cid.lid, line.phone.lid].sort())
      })

    it('participants: a member may add where the group lets members, and nowhere else', async () => {
      const { line, ana, bea } = await players()
      const open = await phones().create({ by: ana, subject: 'Open', participants: [line.phone] })
      expect(await manage(open, 'add', [bea.number])).toMatchObject({ body: { participants: [{ success: true }] } })
      const closed = await phones().create({ by: ana, subject: 'Closed', participants: [line.phone], memberAddMode: 'admin_add' })
      expect(await manage(closed, 'add', [bea.number])).toMatchObject(
        error(403, 'Not authorized to manage participants of this group (must be admin)'),
      )
    })

    it('participants: refused', async () => {
      const { ana } = await players()
      const id = await ours('Strict', [ana])
      expect(await manage(id, 'expel', [ana.number])).toMatchObject(error(400, 'Invalid action: expel'))
      expect(await manage(id, '', [ana.number])).toMatchObject(error(400, 'Action is required'))
      expect(await manage('', 'add', [ana.number])).toMatchObject(error(400, 'Identifier is required'))
      expect(await manage(id, 'add', [])).toMatchObject(error(400, 'At least one participant is required'))
      expect(await manage(id, 'add', ['me@g.us'])).toMatchObject(error(400, 'Invalid participant: me@g.us'))
      expect(await manage('120363999999999999@g.us', 'add', [ana.number])).toMatchObject(noMember)
    })

    it('requests: the queue, approved by LID and rejected by number', async () => {
      const { ana, bea, cid } = await players()
      const id = await ours('By request', [ana])
      expect(await requests(id)).toMatchObject({
        status: 200,
        body: { message: '0 pending requests found', requests: [], meta: { total: 0 } },
      })
      await update(id, { groupSettings: { requireAdminApproval: true } })
      const code = text(await phones().look(id), 'inviteCode')
      for (const phone of [bea, cid]) await phones().join(phone, code)
      const waiting = await requests(`https://chat.whatsapp.com/${code}`)
      expect(waiting.status).toBe(200)
      expect(waiting.body).toEqual({
        success: true,
        message: '2 pending requests found',
        groupJid: id,
        requests: [
          { jid: bea.lid, phoneNumber: bea.jid, requestedAt: expect.stringMatching(/T\d\d:\d\d:\d\dZ$/) },
          { jid: cid.lid, phoneNumber: cid.jid, requestedAt: rfc3339 },
        ],
        meta: { total: 2 },
      })
      expect(await manage(id, 'approve', [bea.lid, ana.number])).toMatchObject({
        body: {
          action: 'approve',
          participants: [
            { jid: bea.lid, phoneNumber: bea.jid, success: true },
            { jid: ana.lid, success: false, error: 'No pending request of this participant' },
          ],
        },
      })
      expect(await manage(id, 'reject', [cid.number])).toMatchObject({ body: { participants: [{ jid: cid.lid, success: true }] } })
      expect(Object.keys(await rolesOf(id))).toContain(bea.lid)
      expect(at(await phones().look(id), 'requests')).toEqual([])

      expect(await requests('')).toMatchObject(error(400, 'Identifier is required'))
      expect(await requests('120363999999999999@g.us')).toMatchObject(noMember)
    })

    it('requests and links are for admins', async () => {
      const { line, ana } = await players()
      const id = await phones().create({ by: ana, subject: 'Not ours', participants: [line.phone] })
      expect(await requests(id)).toMatchObject(error(403, 'Not authorized to view group requests (must be admin)'))
      expect(await reset(id)).toMatchObject(error(403, 'Not authorized to reset group invite link (must be admin)'))
    })

    it('join: at once, by request, and not at all', async () => {
      const { line, ana } = await players()
      const open = await phones().create({ by: ana, subject: 'Open door' })
      const code = text(await phones().look(open), 'inviteCode')
      for (const identifier of [code, `https://chat.whatsapp.com/${code}`])
        expect(await join(identifier)).toMatchObject({
          status: 200,
          body: { success: true, message: 'Successfully joined the group', groupJid: open, requiresApproval: false },
        })
      expect(await rolesOf(open)).toMatchObject({ [line.phone.lid]: 'member' })

      const guarded = await phones().create({ by: ana, subject: 'Guarded', joinApproval: true })
      expect(await join(text(await phones().look(guarded), 'inviteCode'))).toMatchObject({
        status: 200,
        body: { message: 'Join request sent, waiting for approval', groupJid: guarded, requiresApproval: true },
      })
      expect(at(await phones().look(guarded), 'requests.0.lid')).toBe(line.phone.lid)

      const barred = await phones().create({ by: ana, subject: 'Barred' })
      const barredCode = text(await phones().look(barred), 'inviteCode')
      await phones().bar(barred, [line.phone])
      expect(await join(barredCode)).toMatchObject(error(403, 'Not allowed to join this group'))
      await phones().renewCode(barred, ana)
      expect(await join(barredCode)).toMatchObject(error(400, 'Invite link has been revoked or expired'))
      expect(await join('NoSuchCode0000000000000')).toMatchObject(error(400, 'Invalid invite link or code'))
      expect(await join(open)).toMatchObject(error(400, 'Invalid invite link or code'))
      expect(await join('')).toMatchObject(error(400, 'Identifier is required'))
      const end = await stage.simulator.fault({
        action: 'iq-error',
        code: 404,
        text: 'item-not-found',
        match: { xmlns: 'w:g2', type: 'set' },
      })
      expect(await join('KxQ7abcDEF012345678901')).toMatchObject(error(404, 'Group not found'))
      await end()
    })

    it('resetLink: the old link is dead', async () => {
      const { ana, bea } = await players()
      const id = await ours('Linked', [ana])
      const old = text(await phones().look(id), 'inviteCode')
      const renewed = await reset(id)
      const code = text(renewed.body, 'inviteCode')
      expect(renewed.body).toEqual({
        success: true,
        message: 'Group invite link reset successfully',
        groupJid: id,
        inviteCode: code,
        inviteLink: `https://chat.whatsapp.com/${code}`,
      })
      expect(code).not.toBe(old)
      await expect(phones().join(bea, old)).rejects.toThrow('410')
      await phones().join(bea, code)
      expect(await reset('')).toMatchObject(error(400, 'Identifier is required'))
      expect(await reset('120363999999999999@g.us')).toMatchObject(noMember)
    })

    it('leave: once', async () => {
      const { line, ana } = await players()
      const id = await phones().create({ by: ana, subject: 'Farewell', participants: [line.phone] })
      expect(await leave(id)).toEqual(
        expect.objectContaining({ status: 200, body: { success: true, message: 'Successfully left the group', groupJid: id } }),
      )
      expect(Object.keys(await rolesOf(id))).toEqual([ana.lid])
      expect(await leave(id)).toMatchObject(noMember)
      expect(await leave('')).toMatchObject(error(400, 'Identifier is required'))
      const byLink = await phones().create({ by: ana, subject: 'By link', participants: [line.phone] })
      const code = text(await phones().look(byLink), 'inviteCode')
      expect(await leave(`https://chat.whatsapp.com/${code}`)).toMatchObject({ status: 200, body: { groupJid: byLink } })
      const kept = await phones().create({ by: ana, subject: 'Kept', participants: [line.phone] })
      const end = await stage.simulator.fault({ action: 'iq-error', code: 403, text: 'forbidden', match: { xmlns: 'w:g2', type: 'set' } })
      expect(await leave(kept)).toMatchObject(error(403, 'Not allowed to leave this group'))
      await end()
    })

    it('leave: who leaves a community leaves its groups', async () => {
      const { line, ana } = await players()
      const id = await phones().create({ by: ana, subject: 'In it', participants: [line.phone] })
      const community = await phones().community(ana, 'Around it')
      await phones().link(community, ana, [id])
      expect(await leave(community)).toMatchObject({ status: 200, body: { groupJid: community } })
      for (const left of [id, community]) expect(await info(left)).toMatchObject(noMember)
    })

    it('messages to a group: its members are asked for once, however many messages and changes', async () => {
      const { line, receiver, ana, bea, cid } = await players()
      const heard = (value: 'added' | 'removed') => receiver.next({ event: 'group.flow', data: { groupJid: id, value } })
      const id = await phones().create({ by: ana, subject: 'Chatty', participants: [line.phone, bea] })
      const before = await stage.simulator.trafficCursor()
      for (const word of ['one', 'two']) expect((await line.text(id, word)).status).toBe(200)
      await phones().members(id, ana, 'add', [cid])
      await heard('added')
      await bea.send(id, 'hello')
      expect((await line.text(id, 'three')).status).toBe(200)
      // Who has just come can read at once, who has gone gets nothing more.
      await cid.next({ chat: id, text: 'three' })
      await phones().members(id, ana, 'remove', [bea])
      await heard('removed')
      expect((await line.text(id, 'four')).status).toBe(200)
      await cid.next({ chat: id, text: 'four' })
      await ana.next({ chat: id, text: 'four' })
      const seen = async (tag: string) =>
        (await stage.simulator.traffic({ after: before, phone: line.phone.number, tag, direction: 'in' }))
          .map((stanza) => JSON.stringify(stanza))
          .filter((stanza) => stanza.includes(id))
      expect((await seen('iq')).filter((stanza) => stanza.includes('"interactive"'))).toHaveLength(1)
      // Everybody (two people, our phone and device) is given our key with the first message, whoever comes with the next; all a new one when somebody has gone.
      const keysGiven = (await seen('message')).map((stanza) => stanza.match(/"tag":"to"/g)?.length ?? 0)
      expect(keysGiven).toEqual([4, 0, 1, 4])
      expect((await bea.messages()).some((message) => at(message, 'text') === 'four')).toBe(false)
    })

    it('messages from a group nobody has told of yet: recorded with what is known, whatever becomes of asking', async () => {
      const { line, ana } = await players()
      const receiver = await stage.receiver()
      const { number } = line.phone
      await line.api.post('/api/events/webhook/groups', { label: 'early', enabled: true, url: receiver.url, events: ['message.exchange'] })
      /** Being added is told to nobody. */
      const silently = async (subject: string) => {
        const untold = { tag: 'notification', type: 'w:gp2', phone: number, direction: 'out' }
        const end = await stage.simulator.fault({ action: 'drop', match: untold })
        const id = await phones().create({ by: ana, subject, participants: [line.phone] })
        return { id, end }
      }
      const asking = { xmlns: 'w:g2', phone: number }
      const said = async (id: string, words: string) => {
        const message = await ana.send(id, words)
        return at(await receiver.next({ event: 'message.exchange', data: { id: message } }), 'data')
      }
      const unnamed = (id: string, content: string) => ({
        direction: 'incoming',
        chat: { jid: id, name: null, type: 'group' },
        sender: { jid: ana.jid, lid: ana.lid, name: 'Ana' },
        message: { type: 'text', content },
      })

      // What WhatsApp says comes late.
      const late = await silently('Late')
      const slow = await stage.simulator.fault({ action: 'delay', ms: 1_500, match: asking })
      expect(await said(late.id, 'first words')).toMatchObject(unnamed(late.id, 'first words'))
      expect(await said(late.id, 'more words')).toMatchObject(unnamed(late.id, 'more words'))
      const named = (name: string, id: string) =>
        eventually('the name to be known', async () =>
          JSON.stringify((await line.api.get(`/api/chat/list/groups?search=${name}`)).body).includes(id),
        )
      await named('Late', late.id)
      expect(await said(late.id, 'last words')).toMatchObject({ chat: { jid: late.id, name: 'Late' } })
      await slow()

      // It refuses: the message is there all the same, and so is what is answered to it later.
      const refused = await silently('Refused')
      const end = await stage.simulator.fault({ action: 'iq-error', code: 500, text: 'internal', match: asking })
      expect(await said(refused.id, 'anybody?')).toMatchObject(unnamed(refused.id, 'anybody?'))
      expect((await line.text(refused.id, 'not yet')).status).toBe(500)
      await end()
      expect((await line.text(refused.id, 'me')).status).toBe(200)
      await ana.next({ chat: refused.id, text: 'me' })
      await named('Refused', refused.id)
      for (const group of [late, refused]) await group.end()
      await line.api.post('/api/events/webhook/groups', { label: 'early', enabled: false })
    })

    it('every route passes on what WhatsApp refuses', async () => {
      const { ana, bea } = await players()
      const { create, info, update, manage: change, join: enter, reset: renew, requests: queue, leave: go } = await routes()
      const { api } = (await players()).line
      const id = await ours('Refused', [ana])
      const code = text(await phones().look(id), 'inviteCode')
      // What is asked for, and the words before the reason of a 500.
      const asked: [string, () => Promise<unknown>][] = [
        ['Failed to create group', () => create({ name: 'x', participants: [ana.lid] })],
        ['Failed to list groups', () => api.get('/api/group/list/groups')],
        ['Failed to get group info', () => info(id)],
        ['Failed to update group', () => update(id, { name: 'x' })],
        ['Failed to update participants', () => change(id, 'add', [bea.lid])],
        ['Failed to join group', () => enter(code)],
        ['Failed to reset group invite link', () => renew(id)],
        ['Failed to list group requests', () => queue(id)],
        ['Failed to leave group', () => go(id)],
      ]
      for (const [failed, ask] of asked)
        for (const [code, answer] of [
          [429, error(429, 'WhatsApp rate limit reached. Try again later.')],
          [500, error(500, `${failed}: WhatsApp refused: refused`)],
        ] as const) {
          const end = await stage.simulator.fault({ action: 'iq-error', code, text: 'refused', match: { xmlns: 'w:g2' } })
          expect(await ask(), failed).toMatchObject(answer)
          await end()
        }
      expect(Object.keys(await rolesOf(id)).sort()).toEqual([ana.lid, (await players()).line.phone.lid].sort())
    })

    for (const addressing of ['lid', 'pn'])
      it(`messages to a group by ${addressing}: a device linked after the first reads the next, and its own are read`, async () => {
        const { line, ana } = await players()
        const dora = await stage.phone({ name: 'Dora' })
        const id = await phones().create({ by: ana, subject: 'Devices', participants: [line.phone, dora], addressing })
        await line.text(id, 'before')
        await dora.next({ chat: id, text: 'before' })
        const receiver = await stage.receiver()
        const desk = await linkedLine(stage.gateway, stage.account, dora, `desk-${addressing}`, {
          webhookEnabled: true,
          webhookURL: receiver.url,
        })
        const sent = await line.text(id, 'after')
        const came = await receiver.next({ event: 'message.exchange', data: { id: text(sent.body, 'data.messageId') } })
        expect(came).toMatchObject({
          data: { sender: { jid: line.phone.jid, lid: line.phone.lid }, message: { type: 'text', content: 'after' } },
        })
        await desk.text(id, 'from the desk')
        await line.phone.next({ chat: id, text: 'from the desk' })
        await desk.phone.unlink(Number(at(await desk.phone.devices(), '0.id')))
        expect((await line.text(id, 'without the desk')).status).toBe(200)
        await dora.next({ chat: id, text: 'without the desk' })
      })
  },
  { databases: bothDatabases },
)
