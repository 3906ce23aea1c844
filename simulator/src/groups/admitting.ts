/** Letting people in and out: who is told, and what it means for the community around the group. Rules have been asked before. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { type Group, remember } from './group.ts'
import { memberNode } from './group-nodes.ts'

/** How somebody came in; WhatsApp's words. */
export type Reason = 'invite' | 'linked_group_join' | undefined

/** The newcomers are told of the whole group, the others of the newcomers. Members of a group are members of its community. */
export function admit(group: Group, actor: Account, newcomers: readonly Account[], reason: Reason, services: Services): void {
  const entering = newcomers.filter((account) => !group.members.has(account))
  if (entering.length === 0) return
  const change = membersChanged('add', group, entering, reason)
  for (const account of entering) {
    services.groups.enter(group, account, 'member')
    group.requests.delete(account)
    group.personalInvites.delete(account)
    group.leftAt.delete(account)
  }
  services.groupNews.tell(group, actor, change, { except: entering })
  services.groupNews.welcome(group, actor, entering, { reason })
  if (group.parent) admit(group.parent, actor, entering, 'linked_group_join', services)
  const announcements = group.community && announcementGroupOf(group)
  if (announcements) admit(announcements, actor, entering, 'linked_group_join', services)
}

/** Those who go are told, too. A group without admins gets one: who has been in it longest. */
export function dismiss(group: Group, actor: Account, leaving: readonly Account[], services: Services): void {
  const { groups, groupNews, clock } = services
  const change = membersChanged('remove', group, leaving, undefined)
  for (const account of leaving) {
    groups.exit(group, account)
    if (account === actor) remember(group.leftAt, account, unixSeconds(clock))
  }
  groupNews.tell(group, actor, change, { alsoTo: leaving })
  const [oldest] = group.members.keys()
  if (oldest === undefined || [...group.members.keys()].some((account) => group.isAdmin(account))) return
  group.members.set(oldest, 'admin')
  groupNews.tell(group, undefined, membersChanged('promote', group, [oldest], undefined))
}

/** `<add>`, `<remove>`, `<promote>`, `<demote>` with the versions of the member list before and after. Counts the version up. */
export function membersChanged(tag: string, group: Group, accounts: readonly Account[], reason: Reason): BinaryNode {
  const before = String(group.version)
  group.version += 1
  return node(
    tag,
    { reason, prev_v_id: before, v_id: String(group.version) },
    accounts.map((account) => memberNode(group, account, group.roleOf(account))),
  )
}

export function announcementGroupOf(parent: Group): Group | undefined {
  return [...(parent.community?.groups ?? [])].find((group) => group.isDefaultSubGroup)
}
