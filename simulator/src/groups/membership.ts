/** Adding, removing, promoting, demoting, leaving: each person is answered apart, with an error of their own where it failed. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, childrenOf, node } from '../wire/nodes.ts'
import { entry, refusedNode } from './admission.ts'
import { admit, dismiss, membersChanged } from './admitting.ts'
import type { Role } from './group.ts'
import { memberNode } from './group-nodes.ts'
import { askedPeople, badRequest, forbidden, type GroupAnswer, type GroupRequest } from './group-request.ts'
import { askToJoin } from './requests.ts'

const NOT_A_MEMBER = 404
/** What the creator has cannot be taken away by others. */
const NOT_ALLOWED = 405

/** Admins always may; members when the group lets them, and then through the queue if it has one. */
export function add(request: GroupRequest): GroupAnswer {
  const { group, account, services } = request
  const isAdmin = group.isAdmin(account)
  if (!isAdmin && (group.memberAddMode === 'admin_add' || group.community)) throw forbidden()
  const now = unixSeconds(services.clock)
  const entering: Account[] = []
  const answers = people(request).map(({ jid, account: person }) => {
    const code = entry(group, account, person, now)
    if (person === undefined || code !== undefined) return refusedNode({ group, actor: account, jid, person, code: code ?? 404, services })
    entering.push(person)
    return memberNode(group, person)
  })
  if (isAdmin || !group.joinApproval) admit(group, account, entering, undefined, services)
  else for (const person of entering) askToJoin(group, person, { by: account, method: 'non_admin_add' }, services)
  return [node('add', {}, answers)]
}

/** `linked_groups=true` on a community takes them out of all its groups. */
export function remove(request: GroupRequest): GroupAnswer {
  const { group, account, child, services } = request
  const leaving: Account[] = []
  const answer = change(request, 'remove', (person, role) => {
    if (role === 'superadmin' && person !== account) return NOT_ALLOWED
    leaving.push(person)
    return undefined
  })
  const everywhere = group.community && child.attrs.linked_groups === 'true' ? [...group.community.groups] : []
  for (const linked of [group, ...everywhere]) {
    const gone = leaving.filter((person) => linked.members.has(person))
    if (gone.length > 0) dismiss(linked, account, gone, services)
  }
  return answer
}

export function promote(request: GroupRequest): GroupAnswer {
  return changeRole(request, 'promote', (role) => (role === 'member' ? 'admin' : role))
}

export function demote(request: GroupRequest): GroupAnswer {
  return changeRole(request, 'demote', (role) => (role === 'superadmin' ? undefined : 'member'))
}

/** `<leave>` names groups, or a community: whoever leaves that leaves all its groups. */
export function leave(account: Account, asked: BinaryNode, services: Services): GroupAnswer {
  const answers = childrenOf(asked).map(({ tag, attrs }) => {
    const jid = attrs.id ?? attrs.parent_group_jid
    const group = services.groups.find(jid)
    if (group === undefined || !group.members.has(account)) return node(tag, { id: jid, error: String(NOT_A_MEMBER) })
    for (const linked of [...(group.community?.groups ?? []), group]) {
      if (linked.members.has(account)) dismiss(linked, account, [account], services)
    }
    return node(tag, { id: jid })
  })
  if (answers.length === 0) throw badRequest()
  return [node('leave', {}, answers)]
}

/** Undefined: this role cannot be changed so. */
function changeRole(request: GroupRequest, tag: string, next: (role: Role) => Role | undefined): GroupAnswer {
  const { group, account, services } = request
  const changed: Account[] = []
  const answer = change(request, tag, (person, role) => {
    const then = next(role)
    if (then === undefined) return NOT_ALLOWED
    if (then !== role) changed.push(person)
    group.members.set(person, then)
    return undefined
  })
  if (changed.length > 0) services.groupNews.tell(group, account, membersChanged(tag, group, changed, undefined))
  return answer
}

/** What an admin does to members. `act` gives WhatsApp's code where it cannot be done. */
function change(request: GroupRequest, tag: string, act: (person: Account, role: Role) => number | undefined): GroupAnswer {
  const { group, account } = request
  if (!group.isAdmin(account)) throw forbidden()
  const answers = people(request).map(({ jid, account: person }) => {
    const role = person && group.roleOf(person)
    if (person === undefined || role === undefined) return node('participant', { jid, error: String(NOT_A_MEMBER) })
    const code = act(person, role)
    return memberNode(group, person, code === undefined ? group.roleOf(person) : undefined, code)
  })
  return [node(tag, {}, answers)]
}

function people(request: GroupRequest) {
  const asked = askedPeople(request)
  if (asked.length === 0) throw badRequest()
  return asked
}
