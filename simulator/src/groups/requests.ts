/** The queue of people who want to be let in, where a group wants its admins to decide. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { childrenNamed, childrenOf, node } from '../wire/nodes.ts'
import { admit } from './admitting.ts'
import { Group, type JoinRequest, remember } from './group.ts'
import { addressIn, memberNode } from './group-nodes.ts'
import { askedPeople, badRequest, forbidden, type GroupAnswer, type GroupRequest, notFound } from './group-request.ts'

const NOT_ASKED = 404
const FULL = 419

/** Asking twice is asking once. */
export function askToJoin(group: Group, account: Account, how: Pick<JoinRequest, 'by' | 'method'>, services: Services): void {
  if (group.requests.has(account)) return
  remember(group.requests, account, { ...how, at: unixSeconds(services.clock) })
  const asked = node('created_membership_requests', { request_method: how.method }, [memberNode(group, account)])
  services.groupNews.tellAdmins(group, how.by, asked)
}

/** `membership_approval_requests`: the queue, oldest first. */
export function listRequests({ group, account }: GroupRequest): GroupAnswer {
  if (!group.isAdmin(account)) throw forbidden()
  const requests = [...group.requests].map(([person, { at, method, by }]) =>
    node('membership_approval_request', {
      ...memberNode(group, person).attrs,
      request_method: method,
      request_time: String(at),
      requestor: by === person ? undefined : addressIn(group, by),
    }),
  )
  return [node('membership_approval_requests', {}, requests)]
}

/** `membership_requests_action(approve|reject(participant…))`. */
export function decide(request: GroupRequest): GroupAnswer {
  const { group, account, child, services } = request
  if (!group.isAdmin(account)) throw forbidden()
  const [action] = childrenOf(child)
  if (action?.tag !== 'approve' && action?.tag !== 'reject') throw badRequest()
  const decided: Account[] = []
  let free = Group.maxMembers - group.members.size
  const answers = askedPeople({ child: action, services }).map(({ jid, account: person }) => {
    if (person === undefined || !group.requests.has(person)) return node('participant', { jid, error: String(NOT_ASKED) })
    if (action.tag === 'approve' && free <= 0) return memberNode(group, person, undefined, FULL)
    free -= 1
    decided.push(person)
    return memberNode(group, person)
  })
  if (action.tag === 'approve') admit(group, account, decided, 'invite', services)
  else for (const person of decided) withdraw(group, account, person, services)
  return [node(child.tag, {}, [node(action.tag, {}, answers)])]
}

/** `cancel_membership_requests`: by whoever asked. They need not be in the group. */
export function cancel({ group, account, child, services }: GroupRequest): GroupAnswer {
  if (!group.requests.has(account)) throw notFound()
  withdraw(group, account, account, services)
  return [node(child.tag, {}, childrenNamed(child, 'participant'))]
}

function withdraw(group: Group, actor: Account, person: Account, { groupNews }: Services): void {
  group.requests.delete(person)
  const change = node('revoked_membership_requests', {}, [memberNode(group, person)])
  groupNews.tellAdmins(group, actor, change)
  if (!group.isAdmin(person)) groupNews.tellOne(group, actor, change, person)
}
