/** Who can be put into a group by somebody else, and the personal invite that is the way round when they cannot. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { Group, remember } from './group.ts'
import { memberNode } from './group-nodes.ts'

const DAY = 86_400
/** Somebody who left cannot be added again for this long. */
const LEFT_RECENTLY = DAY
const INVITE_LIFE = 3 * DAY

/** Why this person cannot be added, as WhatsApp's code: undefined when they can. Does not look at who the actor is in the group. */
export function entry(group: Group, actor: Account, person: Account | undefined, now = 0): number | undefined {
  if (person === undefined) return 404
  if (group.members.has(person)) return 409
  if (person.isBlocking(actor)) return 401
  if (group.members.size >= Group.maxMembers) return 419
  if (now - (group.leftAt.get(person) ?? Number.NEGATIVE_INFINITY) < LEFT_RECENTLY) return 408
  return person.privacy.shows('groupadd', person.contacts.has(actor)) ? undefined : 403
}

/** The answer for a person who was not added. Whom privacy protects gets an invite made for them, which a member may send on. */
export function refusedNode(input: {
  group: Group
  actor: Account
  /** As it was asked for. */
  jid: string
  person: Account | undefined
  code: number
  services: Services
}): BinaryNode {
  const { group, actor, jid, person, code, services } = input
  if (person === undefined) return node('participant', { jid, error: String(code) })
  const refused = memberNode(group, person, undefined, code)
  if (code !== 403 && code !== 408) return refused
  const invite = { admin: actor, code: services.groups.newCode(), expiration: unixSeconds(services.clock) + INVITE_LIFE }
  remember(group.personalInvites, person, invite)
  return { ...refused, content: [node('add_request', { code: invite.code, expiration: String(invite.expiration) })] }
}
