/** Notifications about groups, as tables: what they say, in both ways of addressing. */
import type { BinaryNode } from 'baileys'
import { describe, expect, it } from 'vitest'
import type { GroupChange } from '../../../groups.ts'
import { groupNewsRow, readGroupNews } from '../group-news.ts'
import { readInbox, withoutContent } from '../inbox.ts'

const self = { jid: '551@s.whatsapp.net', lid: '901@lid' }
const group = '120363000000000101@g.us'
const ana = { jid: '552@s.whatsapp.net', lid: '902@lid' }
const byLid = { participant: '902@lid', participant_pn: '552@s.whatsapp.net', addressing_mode: 'lid' }
const byNumber = { participant: '552@s.whatsapp.net', participant_lid: '902@lid', addressing_mode: 'pn' }

const node = (tag: string, attrs: Record<string, string> = {}, content?: BinaryNode['content']): BinaryNode =>
  content === undefined ? { tag, attrs } : { tag, attrs, content }
const person = (attrs: Record<string, string>) => node('participant', attrs)
const bea = { jid: '903@lid', phone_number: '553@s.whatsapp.net' }
const beaAddress = { jid: '553@s.whatsapp.net', lid: '903@lid' }

const notification = (child: BinaryNode, attrs: Record<string, string> = byLid, type = 'w:gp2'): BinaryNode =>
  node('notification', { id: 'N1', from: group, type, t: '1700000000', notify: 'Ana', ...attrs }, [child])

const read = (stanza: BinaryNode) => {
  const row = groupNewsRow(stanza)
  return row === null ? null : readGroupNews(row, self)
}

const bytes = (text: string) => Buffer.from(text)

const changes: [string, BinaryNode, GroupChange][] = [
  ['add', node('add', {}, [person(bea)]), { type: 'joined', people: [beaAddress], how: 'added' }],
  ['by link', node('add', { reason: 'invite' }, [person(bea)]), { type: 'joined', people: [beaAddress], how: 'invite' }],
  [
    'through the community',
    node('add', { reason: 'linked_group_join' }, [person(bea)]),
    { type: 'joined', people: [beaAddress], how: 'community' },
  ],
  ['removed', node('remove', {}, [person(bea)]), { type: 'left', people: [beaAddress], how: 'removed' }],
  ['left', node('remove', {}, [person({ jid: '902@lid' })]), { type: 'left', people: [{ jid: null, lid: '902@lid' }], how: 'left' }],
  ['promoted', node('promote', {}, [person(bea)]), { type: 'promoted', people: [beaAddress] }],
  ['demoted', node('demote', {}, [person(bea)]), { type: 'demoted', people: [beaAddress] }],
  ['subject', node('subject', { subject: 'New', s_t: '1' }), { type: 'name', name: 'New' }],
  ['description', node('description', { id: 'D' }, [node('body', {}, bytes('Text'))]), { type: 'description', text: 'Text' }],
  ['no description', node('description', { id: 'D' }, [node('delete')]), { type: 'description', text: '' }],
  ['announcement', node('announcement'), { type: 'setting', setting: 'membersCanSendMessages', value: false }],
  ['not announcement', node('not_announcement'), { type: 'setting', setting: 'membersCanSendMessages', value: true }],
  ['locked', node('locked'), { type: 'setting', setting: 'membersCanEditInfo', value: false }],
  ['unlocked', node('unlocked'), { type: 'setting', setting: 'membersCanEditInfo', value: true }],
  ['who adds', node('member_add_mode', {}, bytes('admin_add')), { type: 'setting', setting: 'membersCanAddOthers', value: false }],
  [
    'approval',
    node('membership_approval_mode', {}, [node('group_join', { state: 'on' })]),
    { type: 'setting', setting: 'requireAdminApproval', value: true },
  ],
  ['ephemeral', node('ephemeral', { expiration: '86400' }), { type: 'ephemeral', seconds: 86_400 }],
  ['not ephemeral', node('not_ephemeral'), { type: 'ephemeral', seconds: 0 }],
  ['invite', node('invite', { code: 'C0DE' }), { type: 'invite', code: 'C0DE' }],
  [
    'asked to be let in',
    node('created_membership_requests', { request_method: 'invite_link' }, [node('requested_user', bea)]),
    { type: 'requested', people: [beaAddress], how: 'invite_link' },
  ],
  ['no more', node('revoked_membership_requests', {}, [person(bea)]), { type: 'unrequested', people: [beaAddress] }],
  ['linked', node('link', { link_type: 'parent_group' }, [node('group', { jid: '7@g.us' })]), { type: 'linked', groups: ['7@g.us'] }],
  ['unlinked', node('unlink', {}, [node('group', { id: '7' })]), { type: 'unlinked', groups: ['7@g.us'] }],
  ['deleted', node('delete', { reason: 'user_requested' }), { type: 'deleted', reason: 'user_requested' }],
  ['suspended', node('suspended'), { type: 'suspended', suspended: true }],
]

describe('group news', () => {
  it.each(changes)('%s', (_, child, change) => {
    for (const by of [byLid, byNumber])
      expect(read(notification(child, by))).toMatchObject({
        group,
        actor: ana,
        actorName: 'Ana',
        timestamp: 1_700_000_000_000,
        changes: [change.type === 'left' && change.how === 'left' ? expect.objectContaining({ how: 'left' }) : change],
      })
  })

  it('a group just made has its members and its name', () => {
    const made = node('group', { id: '120363000000000101', subject: 'Blue', addressing_mode: 'lid' }, [
      person({ jid: '902@lid', phone_number: '552@s.whatsapp.net', type: 'superadmin' }),
      person({ jid: '901@lid', phone_number: '551@s.whatsapp.net' }),
    ])
    expect(read(notification(node('create', { type: 'new' }, [made])))).toMatchObject({
      name: 'Blue',
      changes: [{ type: 'joined', how: 'created', people: [ana, self] }],
    })
    expect(read(notification(node('create', { reason: 'invite' }, [made])))).toMatchObject({
      name: 'Blue',
      changes: [{ type: 'joined', how: 'invite', people: [self] }],
    })
  })

  it('the announcement group of a community says that it is one', () => {
    const made = (children: BinaryNode[]) => node('create', {}, [node('group', { id: '120363000000000101', subject: 'Blue' }, children)])
    expect(read(notification(made([node('default_sub_group')])))).toMatchObject({ isAnnouncementGroup: true })
    expect(read(notification(made([node('linked_parent', { jid: '1@g.us' })])))).toMatchObject({ isAnnouncementGroup: false })
  })

  it('pictures are told by the notification of pictures, and only of groups', () => {
    const set = node('set', { id: '17', author: '902@lid' })
    expect(read(notification(set, {}, 'picture'))).toMatchObject({ actor: { lid: '902@lid' }, changes: [{ type: 'picture', id: '17' }] })
    expect(read(notification(node('delete', { author: '902@lid' }), {}, 'picture'))).toMatchObject({
      changes: [{ type: 'picture', id: null }],
    })
    expect(read(notification(set, { from: '552@s.whatsapp.net' }, 'picture'))).toBeNull()
  })

  it('without an actor it was WhatsApp', () => {
    expect(read(notification(node('promote', {}, [person(bea)]), {}))).toMatchObject({ actor: null, actorName: null })
  })

  it('what we do not know is nothing', () => {
    expect(read(notification(node('growth_locked')))).toBeNull()
    expect(read(notification(node('invite')))).toBeNull()
    expect(read(notification(node('devices'), {}, 'devices'))).toBeNull()
  })

  it('the same notification has the same hash, however late it comes; another one has another', () => {
    const [first, late, other] = [
      groupNewsRow(notification(node('locked'))),
      groupNewsRow(notification(node('locked'), { ...byLid, offline: '1' })),
      groupNewsRow(notification(node('locked'), { ...byLid, id: 'N2' })),
    ]
    expect(late?.hash).toBe(first?.hash)
    expect(other?.hash).not.toBe(first?.hash)
  })

  it('a row of it is no message, with or without content', () => {
    const row = groupNewsRow(notification(node('locked')))
    if (row === null) throw new Error('no row')
    expect(readInbox(row, self)).toBeNull()
    expect(withoutContent(row, self)).toBeNull()
  })
})
