import { afterEach, describe, expect, it, test } from 'vitest'
import { forEachDatabase } from '../../../testing/databases.ts'
import type { GroupChange, GroupNews } from '../../whatsapp/groups.ts'
import { DatabaseSessionStore } from '../../whatsapp/session-store.ts'
import { groupFlowData } from '../group-flow.ts'
import { INSTANCE, openStage, type Stage } from './stage.ts'

const group = '120363000000000101@g.us'
const ana = { jid: '552@s.whatsapp.net', lid: '902@lid' }

const newsOf = (changes: GroupChange[], more: Partial<GroupNews> = {}): GroupNews => ({
  group,
  actor: ana,
  actorName: 'Ana',
  timestamp: 1_700_000_000_000,
  name: null,
  isAnnouncementGroup: false,
  changes,
  ...more,
})

const people = [ana]

describe('group.flow', () => {
  it.each([
    [{ type: 'joined', people, how: 'invite' }, 'joined', 'invite'],
    [{ type: 'left', people, how: 'removed' }, 'left', 'removed'],
    [{ type: 'promoted', people }, 'promoted', null],
    [{ type: 'demoted', people }, 'demoted', null],
    [{ type: 'name', name: 'N' }, 'name', 'N'],
    [{ type: 'description', text: '' }, 'topic', ''],
    [{ type: 'picture', id: null }, 'picture', null],
    [{ type: 'setting', setting: 'membersCanSendMessages', value: false }, 'announce', true],
    [{ type: 'setting', setting: 'membersCanEditInfo', value: true }, 'locked', false],
    [{ type: 'setting', setting: 'membersCanAddOthers', value: true }, 'member_add_mode', 'all_member_add'],
    [{ type: 'setting', setting: 'requireAdminApproval', value: true }, 'join_approval', true],
    [{ type: 'ephemeral', seconds: 60 }, 'ephemeral', 60],
    [{ type: 'invite', code: 'C0DE' }, 'link', 'https://chat.whatsapp.com/C0DE'],
    [{ type: 'requested', people, how: 'invite_link' }, 'join_request', 'invite_link'],
    [{ type: 'unrequested', people }, 'join_request_closed', 'withdrawn'],
    [{ type: 'unrequested', people: [{ jid: '553@s.whatsapp.net', lid: null }] }, 'join_request_closed', 'rejected'],
    [{ type: 'linked', groups: ['7@g.us'] }, 'linked', '7@g.us'],
    [{ type: 'unlinked', groups: ['7@g.us'] }, 'unlinked', '7@g.us'],
    [{ type: 'deleted', reason: 'r' }, 'delete', 'r'],
    [{ type: 'suspended', suspended: true }, 'suspended', null],
    [{ type: 'suspended', suspended: false }, 'unsuspended', null],
  ] satisfies [GroupChange, string, unknown][])('%j', (change, type, value) => {
    const [data, ...more] = groupFlowData(newsOf([change]), (address) => ({ ...address, name: null }))
    expect(more).toEqual([])
    expect(data).toEqual({
      type,
      groupJid: group,
      groupName: null,
      timestamp: '2023-11-14T22:13:20.000Z',
      actor: { ...ana, name: 'Ana' },
      participants: 'people' in change ? change.people.map((person) => ({ ...person, name: null })) : [],
      value,
    })
  })

  it('one notification may tell of several things, in order; nobody did it when WhatsApp does not say', () => {
    const news = newsOf(
      [
        { type: 'linked', groups: ['7@g.us', '8@g.us'] },
        { type: 'name', name: 'N' },
      ],
      { actor: null, name: 'N' },
    )
    expect(groupFlowData(news, (address) => ({ ...address, name: null }))).toMatchObject([
      { type: 'linked', value: '7@g.us', groupName: 'N', actor: { jid: null, lid: null, name: null } },
      { type: 'linked', value: '8@g.us' },
      { type: 'name', value: 'N' },
    ])
  })
})

forEachDatabase((_name, open) => {
  let stage: Stage
  afterEach(() => stage.close())

  test('news is told once, however often it comes, and names the group for what follows in the same batch', async () => {
    stage = await openStage(await open())
    const { db, vault } = stage.database
    const row = (hash: string) => ({ hash, attributes: {}, plaintext: new Uint8Array([1]), receivedAt: 1 })
    await new DatabaseSessionStore(db, vault, INSTANCE).commit({ put: [], remove: [], inbox: [row('one'), row('two')] })
    const named = newsOf([{ type: 'name', name: 'Blue' }], { name: 'Blue' })
    const locked = newsOf([{ type: 'setting', setting: 'membersCanEditInfo', value: false }])
    for (const [news, inbox] of [
      [named, 'one'],
      [named, 'one'],
      [locked, 'two'],
    ] as const)
      await stage.messages.handle({ id: INSTANCE }, { type: 'group', news, inbox })
    expect(await stage.delivered('group.flow', 2)).toMatchObject([
      { type: 'name', groupName: 'Blue' },
      { type: 'locked', groupName: 'Blue', value: true },
    ])
    // Later, after a crash, and of another session: the row says that it has been told.
    await stage.messages.handle({ id: INSTANCE }, { type: 'group', news: locked, inbox: 'two' })
    await new DatabaseSessionStore(db, vault, INSTANCE).commit({ put: [], remove: [], inbox: [row('three')] })
    await stage.messages.handle({ id: INSTANCE }, { type: 'group', news: newsOf([{ type: 'promoted', people }]), inbox: 'three' })
    expect(await stage.delivered('group.flow', 3)).toMatchObject([
      { type: 'name' },
      { type: 'locked' },
      { type: 'promoted', groupName: 'Blue' },
    ])
    expect((await stage.inbox()).every(({ done }) => done === 1)).toBe(true)
  })
})
