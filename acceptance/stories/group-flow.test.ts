/** `group.flow`: every change of a group, made by us or by others, is told once and in order. */
import { expect, it } from 'vitest'
import { bothDatabases } from '../toolkit/databases.ts'
import { eventually } from '../toolkit/eventually.ts'
import { phoneGroups } from '../toolkit/groups.ts'
import { at, type Json, text } from '../toolkit/json.ts'
import { type Line, linkedLine } from '../toolkit/line.ts'
import type { Receiver } from '../toolkit/receiver.ts'
import type { Phone } from '../toolkit/simulator.ts'
import { onStage } from '../toolkit/stage.ts'

interface Cast {
  line: Line
  us: Person
  ana: Phone
  bea: Phone
  receiver: Receiver
}

interface Person {
  jid: string
  lid: string
  name: string | null
}

const rfc3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)

onStage('Group news', (stage) => {
  let cast: Promise<Cast> | undefined
  const players = () => {
    cast ??= (async () => {
      const receiver = await stage.receiver()
      const line = await stage.line('flow', {
        webhookEnabled: true,
        webhookURL: receiver.url,
        webhookEvents: ['group.flow', 'message.exchange'],
      })
      const us = { jid: line.phone.jid, lid: line.phone.lid, name: line.phone.name }
      return { line, us, ana: await stage.phone({ name: 'Ana' }), bea: await stage.phone({ name: 'Bea' }), receiver }
    })()
    return cast
  }
  const phones = () => phoneGroups(stage.simulator)
  const person = ({ jid, lid, name }: Person) => ({ jid, lid, name })

  /** Data of the group's events as they came, once there are this many. */
  const told = async (group: string, count: number): Promise<Json[]> => {
    const { receiver } = await players()
    const now = () =>
      receiver
        .deliveries()
        .flatMap(({ body }) =>
          at(body, 'event') === 'group.flow' && at(body, 'data.groupJid') === group ? [at(body, 'data') ?? null] : [],
        )
    while (now().length < count) await receiver.next({ event: 'group.flow', data: { groupJid: group } })
    return now()
  }
  const put = async (path: string, body: { [key: string]: Json }) => {
    const answer = await (await players()).line.api.put(path, body)
    expect(answer.status).toBe(200)
  }
  const manage = async (identifier: string, action: string, people: readonly Phone[]) => {
    const answer = await (await players()).line.api.post('/api/group/participants/flow', {
      identifier,
      action,
      participants: people.map(({ number }) => number),
    })
    expect(answer.status).toBe(200)
  }

  it('our own changes, with who, whom and what', async () => {
    const { line, us, ana, bea } = await players()
    const made = await line.api.post('/api/group/create/flow', { name: 'Ours', participants: [ana.number] })
    const group = text(made.body, 'group.jid')
    await manage(group, 'add', [bea])
    await manage(group, 'promote', [bea])
    await manage(group, 'demote', [bea])
    await put('/api/group/update/flow', { identifier: group, name: 'Renamed', description: 'Text' })
    await put('/api/group/update/flow', {
      identifier: group,
      groupSettings: { membersCanEditInfo: false, membersCanSendMessages: false, membersCanAddOthers: false, requireAdminApproval: true },
    })
    const link = text((await line.api.post('/api/group/resetLink/flow', { identifier: group })).body, 'inviteLink')
    await put('/api/group/update/flow', {
      identifier: group,
      description: '',
      image: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
    })
    await put('/api/group/update/flow', { identifier: group, removeImage: true })
    await manage(group, 'remove', [bea])
    await line.api.delete(`/api/group/leave/flow?identifier=${group}`)

    const event = (type: string, value: unknown, participants: Person[] = [], groupName = 'Renamed') => ({
      type,
      groupJid: group,
      groupName,
      timestamp: rfc3339,
      actor: us,
      participants,
      value,
    })
    // Nobody has heard of Ana or Bea by name yet.
    const nameless = (phone: Phone) => ({ ...person(phone), name: null })
    expect(await told(group, 16)).toEqual([
      event('joined', 'created', [us, nameless(ana)], 'Ours'),
      event('joined', 'added', [nameless(bea)], 'Ours'),
      event('promoted', null, [nameless(bea)], 'Ours'),
      event('demoted', null, [nameless(bea)], 'Ours'),
      event('name', 'Renamed'),
      event('topic', 'Text'),
      event('locked', true),
      event('announce', true),
      event('member_add_mode', 'admin_add'),
      event('join_approval', true),
      event('link', link),
      event('topic', ''),
      event('picture', expect.any(String)),
      event('picture', null),
      event('left', 'removed', [nameless(bea)]),
      event('left', 'left', [us]),
    ])
  })

  for (const addressing of ['lid', 'pn'])
    it(`changes by others, in a group by ${addressing}`, async () => {
      const { us, ana, bea } = await players()
      const cid = await stage.phone({ name: 'Cid' })
      const group = await phones().create({ by: ana, subject: 'Theirs', participants: [bea], addressing })
      await phones().members(group, ana, 'add', [(await players()).line.phone])
      await phones().change(group, ana, { subject: 'New name', description: 'Why', announcement: true, locked: true, ephemeral: 86_400 })
      await phones().change(group, ana, {
        announcement: false,
        locked: false,
        ephemeral: 0,
        joinApproval: true,
        memberAddMode: 'admin_add',
      })
      await phones().members(group, ana, 'promote', [(await players()).line.phone])
      const code = await phones().renewCode(group, ana)
      await phones().join(cid, code)
      await phones().cancel(group, cid)
      await phones().join(cid, code)
      await phones().members(group, ana, 'reject', [cid])
      await phones().join(cid, code)
      await phones().members(group, ana, 'approve', [cid])
      await phones().leave(group, cid)
      await phones().members(group, ana, 'remove', [bea])
      await phones().members(group, ana, 'remove', [(await players()).line.phone])

      const by = (actor: Person, type: string, value: unknown, participants: unknown[] = []) =>
        expect.objectContaining({ type, value, actor: person(actor), participants })
      const cidInQueue = expect.objectContaining({ jid: cid.jid, lid: cid.lid })
      const beaSomehow = expect.objectContaining({ jid: bea.jid, lid: bea.lid })
      expect(await told(group, 22)).toEqual([
        by(ana, 'joined', 'added', [us]),
        by(ana, 'name', 'New name'),
        by(ana, 'topic', 'Why'),
        by(ana, 'announce', true),
        by(ana, 'locked', true),
        by(ana, 'ephemeral', 86_400),
        by(ana, 'announce', false),
        by(ana, 'locked', false),
        by(ana, 'member_add_mode', 'admin_add'),
        by(ana, 'join_approval', true),
        by(ana, 'ephemeral', 0),
        by(ana, 'promoted', null, [us]),
        by(ana, 'link', `https://chat.whatsapp.com/${code}`),
        by(cid, 'join_request', 'invite_link', [cidInQueue]),
        by(cid, 'join_request_closed', 'withdrawn', [cidInQueue]),
        by(cid, 'join_request', 'invite_link', [cidInQueue]),
        by(ana, 'join_request_closed', 'rejected', [cidInQueue]),
        by(cid, 'join_request', 'invite_link', [cidInQueue]),
        by(ana, 'joined', 'invite', [cidInQueue]),
        by(cid, 'left', 'left', [cidInQueue]),
        by(ana, 'left', 'removed', [beaSomehow]),
        by(ana, 'left', 'removed', [us]),
      ])
      for (const data of await told(group, 22)) expect(text(data, 'groupName')).toBe(at(data, 'value') === 'added' ? 'Theirs' : 'New name')
    })

  it('communities: linked and unlinked', async () => {
    const { line, ana } = await players()
    const group = await phones().create({ by: ana, subject: 'Part', participants: [line.phone] })
    const community = await phones().community(ana, 'Whole')
    await phones().link(community, ana, [group])
    expect((await told(group, 2))[1]).toMatchObject({
      type: 'linked',
      groupJid: group,
      groupName: 'Part',
      value: community,
      actor: person(ana),
    })
  })

  it('the name of a group is known to its messages, also of one from before the link', async () => {
    const owner = await stage.phone({ name: 'Owner' })
    const { ana } = await players()
    const group = await phones().create({ by: ana, subject: 'Older than the link', participants: [owner] })
    const { receiver } = await players()
    const line = await linkedLine(stage.gateway, stage.account, owner, 'late', { webhookEnabled: true, webhookURL: receiver.url })
    // It is asked for once the device is linked.
    const sent = await eventually('the name to be known', async () => {
      const answer = await line.text(group, 'hello')
      return at(answer.body, 'data.chat.groupName') !== undefined && answer
    })
    expect(at(sent.body, 'data.chat')).toEqual({ jid: group, lid: null, name: 'Older than the link', groupName: 'Older than the link' })
    const id = await ana.send(group, 'hi')
    expect(await receiver.next({ event: 'message.exchange', data: { id } })).toMatchObject({
      data: { chat: { jid: group, name: 'Older than the link', type: 'group' } },
    })
  })
})

onStage(
  'Group news while the gateway is away',
  (stage) => {
    it('is told once and in order by the next run', async () => {
      const groups = phoneGroups(stage.simulator)
      const receiver = await stage.receiver()
      const line = await stage.line('away', { webhookEnabled: true, webhookURL: receiver.url, webhookEvents: ['group.flow'] })
      const ana = await stage.phone({ name: 'Ana' })
      const group = await groups.create({ by: ana, subject: 'G0', participants: [line.phone] })
      await receiver.next({ event: 'group.flow', data: { type: 'joined' } })
      for (const round of [1, 2, 3]) {
        // Killed in the middle of it: some news is in the inbox, some on its way, some still at WhatsApp.
        const changes = (async () => {
          for (const n of [0, 1, 2, 3, 4]) await groups.change(group, ana, { subject: `G${round}${n}` })
        })()
        await groups.change(group, ana, { description: `D${round}` })
        await stage.gateway.kill()
        await changes
        await stage.gateway.restart()
      }
      await groups.change(group, ana, { subject: 'last' })
      await receiver.next({ event: 'group.flow', data: { type: 'name', value: 'last' } })
      const seen = receiver.deliveries().map(({ body }) => body)
      // Webhooks are at least once: the same event twice has the same id.
      const once = [...new Map(seen.map((body) => [text(body, 'id'), body])).values()]
      const names = once.flatMap((body) => (at(body, 'data.type') === 'name' ? [text(body, 'data.value')] : []))
      expect(names).toEqual([...[1, 2, 3].flatMap((round) => [0, 1, 2, 3, 4].map((n) => `G${round}${n}`)), 'last'])
      const topics = once.flatMap((body) => (at(body, 'data.type') === 'topic' ? [text(body, 'data.value')] : []))
      expect(topics).toEqual(['D1', 'D2', 'D3'])
    })
  },
  { databases: bothDatabases },
)
