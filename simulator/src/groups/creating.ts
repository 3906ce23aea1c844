/** A new group: the creator is its superadmin, everybody who may be added is in it from the start. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childOf, childrenOf, textOf } from '../wire/nodes.ts'
import { entry, refusedNode } from './admission.ts'
import { attach, foundCommunity, parentFor } from './communities.ts'
import { type Addressing, Group } from './group.ts'
import { groupNode } from './group-nodes.ts'
import { askedPeople, badRequest, type GroupAnswer, notAcceptable } from './group-request.ts'

export function create(account: Account, asked: BinaryNode, services: Services): GroupAnswer {
  const { groupNews } = services
  const parent = parentFor(account, asked, services)
  const group = newGroup(account, asked, services)
  applySettings(group, asked, account, services)
  if (parent?.community?.requestsByDefault && childOf(asked, 'membership_approval_mode') === undefined) group.joinApproval = true
  const refused = takeIn(group, account, asked, services)
  const linked = childOf(asked, 'parent') === undefined ? [] : foundCommunity(group, asked, services)
  const { key } = asked.attrs
  for (const made of [group, ...linked])
    groupNews.welcome(made, account, made.members.keys(), { type: 'new', ...(made === group && { key }) })
  if (parent) attach(parent, group, account, services)
  const answer = groupNode(group)
  return [{ ...answer, content: [...childrenOf(answer), ...refused] }]
}

function newGroup(creator: Account, asked: BinaryNode, { groups, clock }: Services): Group {
  const subject = (asked.attrs.subject ?? '').trim()
  if (subject === '') throw badRequest()
  if ([...subject].length > Group.maxSubject) throw notAcceptable()
  const group = groups.create({ subject, creator, createdAt: unixSeconds(clock), addressing: addressingOf(asked) })
  groups.enter(group, creator, 'superadmin')
  return group
}

/** Gives the answers for those who could not be taken in. */
function takeIn(group: Group, account: Account, asked: BinaryNode, services: Services): BinaryNode[] {
  const refused: BinaryNode[] = []
  for (const { jid, account: person } of askedPeople({ child: asked, services })) {
    const code = entry(group, account, person)
    if (code === undefined && person !== undefined) services.groups.enter(group, person, 'member')
    else if (code !== undefined && code !== 409) refused.push(refusedNode({ group, actor: account, jid, person, code, services }))
  }
  return refused
}

/** Ours: `addressing_mode=pn` makes a group as they were before LIDs. */
function addressingOf({ attrs }: BinaryNode): Addressing {
  return attrs.addressing_mode === 'pn' ? 'pn' : 'lid'
}

function applySettings(group: Group, asked: BinaryNode, account: Account, { clock }: Services): void {
  const description = childOf(asked, 'description')
  const text = textOf(childOf(description, 'body'))
  if (description && text) group.description = { id: description.attrs.id ?? '', text, by: account, at: unixSeconds(clock) }
  group.announcement = childOf(asked, 'announcement') !== undefined
  group.locked = childOf(asked, 'locked') !== undefined
  group.ephemeral = Number(childOf(asked, 'ephemeral')?.attrs.expiration ?? 0)
  group.joinApproval = childOf(childOf(asked, 'membership_approval_mode'), 'group_join')?.attrs.state === 'on'
  if (textOf(childOf(asked, 'member_add_mode')) === 'admin_add') group.memberAddMode = 'admin_add'
}
