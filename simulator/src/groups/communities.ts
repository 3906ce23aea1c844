/**
 * Communities: a group that is no chat, the groups linked to it, and its announcement group, which everybody in any of them is in.
 */
import type { Account } from '../accounts/account.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childrenNamed, node } from '../wire/nodes.ts'
import { admit, announcementGroupOf, dismiss } from './admitting.ts'
import { Group } from './group.ts'
import { groupNode, memberNode } from './group-nodes.ts'
import { badRequest, forbidden, type GroupAnswer, type GroupRequest, notAcceptable, notFound, resourceLimit } from './group-request.ts'
import { askToJoin } from './requests.ts'

/** Groups one community may hold. */
const MAX_LINKED = 100
const SUB_GROUP = 'sub_group'

/** Makes a community of a group just created, with its announcement group (and a general one where asked for). Nobody is told yet. */
export function foundCommunity(parent: Group, asked: BinaryNode, services: Services): readonly Group[] {
  parent.community = {
    requestsByDefault: childrenNamed(asked, 'parent')[0]?.attrs.default_membership_approval_mode === 'request_required',
    openToNewGroups: childrenNamed(asked, 'allow_non_admin_sub_group_creation').length > 0,
    groups: new Set(),
  }
  const announcements = subGroup(parent, parent.subject.text, services)
  announcements.isDefaultSubGroup = true
  announcements.announcement = true
  const general = childrenNamed(asked, 'create_general_chat').length > 0 ? [subGroup(parent, 'General', services)] : []
  return [announcements, ...general]
}

/** The community a new group is to be part of, where the account may do that. */
export function parentFor(account: Account, asked: BinaryNode, { groups }: Services): Group | undefined {
  const [linked] = childrenNamed(asked, 'linked_parent')
  if (linked === undefined) return undefined
  const parent = groups.find(linked.attrs.jid)
  if (parent?.community === undefined) throw notFound()
  if (!parent.isAdmin(account) && !(parent.members.has(account) && parent.community.openToNewGroups)) throw forbidden()
  if (parent.community.groups.size >= MAX_LINKED) throw resourceLimit()
  return parent
}

/** Tells the community and lets everybody in the group into it. */
export function attach(parent: Group, group: Group, actor: Account, services: Services): void {
  group.parent = parent
  parent.community?.groups.add(group)
  services.groupNews.tell(parent, actor, node('link', { link_type: SUB_GROUP }, [linkNode(group)]))
  services.groupNews.tell(group, actor, node('link', { link_type: 'parent_group' }, [linkNode(parent)]))
  admit(parent, actor, [...group.members.keys()], 'linked_group_join', services)
}

/** `links(link(group jid)…)`: by somebody who is admin on both sides. */
export function link(request: GroupRequest): GroupAnswer {
  const { group: parent, account, child, services } = request
  requireCommunityAdmin(request)
  const answers = childrenNamed(child, 'link').map((asked) => {
    const groups = childrenNamed(asked, 'group').map(({ attrs: { jid = '' } }) => {
      const group = services.groups.find(jid)
      const error = linkProblem(parent, group, account)
      if (group !== undefined && error === undefined) attach(parent, group, account, services)
      return node('group', { jid, error })
    })
    return node('link', { link_type: asked.attrs.link_type }, groups)
  })
  if (answers.length === 0) throw badRequest()
  return [node('links', {}, answers)]
}

/** `unlink unlink_type=sub_group(group jid…)`; `remove_orphaned_members` also lets those go who are in no other group of the community. */
export function unlink(request: GroupRequest): GroupAnswer {
  const { group: parent, account, child, services } = request
  requireCommunityAdmin(request)
  const answers = childrenNamed(child, 'group').map(({ attrs: { jid = '', remove_orphaned_members: orphans } }) => {
    const group = services.groups.find(jid)
    if (group?.parent !== parent) return node('group', { jid, error: '404' })
    if (group.isDefaultSubGroup) return node('group', { jid, error: '406' })
    detach(parent, group, account, services)
    if (orphans === 'true') dismissOrphans(parent, group, account, services)
    return node('group', { jid })
  })
  if (answers.length === 0) throw badRequest()
  return [node('unlink', { unlink_type: child.attrs.unlink_type }, answers)]
}

/** `sub_groups`: the announcement group first. */
export function listSubGroups({ group }: GroupRequest): GroupAnswer {
  if (group.community === undefined) throw notAcceptable()
  return [node('sub_groups', {}, [...group.community.groups].map(linkNode))]
}

/** `linked_groups_participants`: everybody in any group of the community. */
export function listLinkedParticipants({ group }: GroupRequest): GroupAnswer {
  if (group.community === undefined) throw notAcceptable()
  const people = new Set([...group.community.groups].flatMap(({ members }) => [...members.keys()]))
  return [
    node(
      'linked_groups_participants',
      {},
      [...people].map((account) => memberNode(group, account)),
    ),
  ]
}

/** `join_linked_group jid`: a member of the community comes into one of its groups, or into its queue. */
export function joinLinked({ group: parent, account, child, services }: GroupRequest): GroupAnswer {
  const group = services.groups.find(child.attrs.jid)
  if (group?.parent !== parent) throw notFound()
  if (group.joinApproval && !group.members.has(account)) {
    askToJoin(group, account, { by: account, method: 'linked_group_join' }, services)
    return [node('membership_approval_request', { jid: group.jid })]
  }
  if (group.members.size >= Group.maxMembers) throw resourceLimit()
  admit(group, account, [account], 'linked_group_join', services)
  return [groupNode(group)]
}

/** `delete_parent`: the community ends, its groups go on without it, its announcement group does not. */
export function deactivate(request: GroupRequest): GroupAnswer {
  const { group: parent, account, services } = request
  if (parent.roleOf(account) !== 'superadmin') throw forbidden()
  requireCommunityAdmin(request)
  const announcements = announcementGroupOf(parent)
  for (const group of [...(parent.community?.groups ?? [])]) if (group !== announcements) detach(parent, group, account, services)
  for (const group of [announcements, parent]) {
    if (group === undefined) continue
    services.groupNews.tell(group, account, node('delete', { reason: 'user_requested' }))
    for (const member of [...group.members.keys()]) services.groups.exit(group, member)
  }
  return undefined
}

function subGroup(parent: Group, subject: string, { groups }: Services): Group {
  const { creator, createdAt, addressing } = parent
  const group = groups.create({ subject, creator, createdAt, addressing })
  group.parent = parent
  parent.community?.groups.add(group)
  for (const [account, role] of parent.members) groups.enter(group, account, role)
  return group
}

function detach(parent: Group, group: Group, actor: Account, { groupNews }: Services): void {
  parent.community?.groups.delete(group)
  group.parent = undefined
  const attrs = { unlink_type: SUB_GROUP, unlink_reason: 'unlink_group' }
  groupNews.tell(parent, actor, node('unlink', attrs, [linkNode(group)]))
  groupNews.tell(group, actor, node('unlink', { ...attrs, unlink_type: 'parent_group' }, [linkNode(parent)]))
}

function dismissOrphans(parent: Group, left: Group, actor: Account, services: Services): void {
  const others = [...(parent.community?.groups ?? [])].filter((group) => !group.isDefaultSubGroup)
  const orphans = [...left.members.keys()].filter(
    (account) => !parent.isAdmin(account) && !others.some(({ members }) => members.has(account)),
  )
  if (orphans.length === 0) return
  for (const group of [announcementGroupOf(parent), parent]) if (group) dismiss(group, actor, orphans, services)
}

function linkProblem(parent: Group, group: Group | undefined, account: Account): string | undefined {
  if (group === undefined) return '404'
  if (group.community !== undefined) return '406'
  if (!group.isAdmin(account)) return '403'
  if (group.parent !== undefined) return '409'
  return (parent.community?.groups.size ?? 0) >= MAX_LINKED ? '419' : undefined
}

function requireCommunityAdmin({ group, account }: GroupRequest): void {
  if (group.community === undefined) throw notAcceptable()
  if (!group.isAdmin(account)) throw forbidden()
}

/** A group as its community speaks of it. */
function linkNode(group: Group): BinaryNode {
  const { id, jid, subject, createdAt, creator, members } = group
  const attrs = {
    id,
    jid,
    subject: subject.text,
    s_t: String(subject.at),
    creation: String(createdAt),
    creator: creator.address(group.server),
    size: String(members.size),
  }
  return node('group', attrs, group.isDefaultSubGroup ? [node('default_sub_group')] : [])
}
