/** Invites: the code anybody may come in with, and the personal one for somebody who could not be added. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childOf, node } from '../wire/nodes.ts'
import { admit } from './admitting.ts'
import { Group } from './group.ts'
import { groupNode } from './group-nodes.ts'
import {
  askedPeople,
  forbidden,
  type GroupAnswer,
  type GroupRequest,
  gone,
  notAcceptable,
  notAuthorized,
  notFound,
  resourceLimit,
} from './group-request.ts'
import { describe } from './looking.ts'
import { askToJoin } from './requests.ts'

/** `get invite`: the present code, for admins. */
export function inviteCode({ group, account }: GroupRequest): GroupAnswer {
  if (!group.isAdmin(account)) throw notAuthorized()
  return [node('invite', { code: group.inviteCode })]
}

/** `set invite`: a new code; the old one is dead. */
export function renewInviteCode(request: GroupRequest): GroupAnswer {
  const { group, account, services } = request
  if (!group.isAdmin(account)) throw notAuthorized()
  services.groups.renewCode(group)
  const answer = inviteCode(request)
  if (answer?.[0]) services.groupNews.tell(group, account, answer[0])
  return answer
}

/** `get invite code=…`: what a stranger sees of the group. */
export function preview(code: string, services: Services): GroupAnswer {
  return [groupNode(groupOfCode(code, services), { participants: false })]
}

/** `set invite code=…`: in at once, or in the queue. */
export function joinByCode(account: Account, code: string, services: Services): GroupAnswer {
  const group = groupOfCode(code, services)
  if (group.members.has(account)) return [node('group', { jid: group.jid })]
  if (group.barred.has(account)) throw forbidden()
  if (group.joinApproval) {
    askToJoin(group, account, { by: account, method: 'invite_link' }, services)
    return [node('membership_approval_request', { jid: group.jid })]
  }
  enter(group, account, services)
  return [node('group', { jid: group.jid })]
}

/** `accept code expiration admin`: with a personal invite. Good once. */
export function accept({ group, account, child, services }: GroupRequest): GroupAnswer {
  if (group.members.has(account)) return undefined
  checkPersonalInvite(group, account, child, services)
  enter(group, account, services)
  return undefined
}

/** `query(add_request)`: what somebody with a personal invite sees. */
export function previewOfInvited(request: GroupRequest): GroupAnswer {
  const invite = childOf(request.child, 'add_request')
  if (request.group.members.has(request.account)) return describe(request)
  if (invite === undefined) throw forbidden()
  checkPersonalInvite(request.group, request.account, invite, request.services)
  return [groupNode(request.group, { participants: false })]
}

/** `revoke(participant…)`: their personal invites are void. */
export function revokeInvites(request: GroupRequest): GroupAnswer {
  const { group, account, child } = request
  if (!group.isAdmin(account)) throw forbidden()
  const answers = askedPeople(request).map(({ jid, account: person }) =>
    node('participant', { jid, error: person && group.personalInvites.delete(person) ? undefined : '404' }),
  )
  return [node(child.tag, {}, answers)]
}

function enter(group: Group, account: Account, services: Services): void {
  if (group.members.size >= Group.maxMembers) throw resourceLimit()
  admit(group, account, [account], 'invite', services)
}

function checkPersonalInvite(group: Group, account: Account, shown: BinaryNode, { clock }: Services): void {
  const invite = group.personalInvites.get(account)
  if (invite === undefined || invite.code !== shown.attrs.code || invite.expiration <= unixSeconds(clock)) throw gone()
}

function groupOfCode(code: string, { groups }: Services): Group {
  const group = groups.byCode(code)
  if (group === 'revoked') throw gone()
  if (group === undefined) throw code === '' ? notFound() : notAcceptable()
  return group
}
