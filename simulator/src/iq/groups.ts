/** `w:g2`: groups. Requests without a group go to `@g.us`, the others to the group's own address. */
import { create } from '../groups/creating.ts'
import type { Group } from '../groups/group.ts'
import { forbidden, type GroupAnswer, type GroupRequest, notFound } from '../groups/group-request.ts'
import { describe, list } from '../groups/looking.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

/** Of members only. */
const INSIDE: Record<string, (request: GroupRequest) => GroupAnswer> = {
  'get query': describe,
}

export const groups: IqHandler = {
  xmlns: 'w:g2',
  answer({ type, child, stanza, account, services }) {
    if (child === undefined) throw new NotImplemented(`w:g2 ${type} without a child`)
    const asked = `${type} ${child.tag}`
    if (asked === 'get participating') return list(account, child, services)
    if (asked === 'set create') return create(account, child, services)
    const handle = INSIDE[asked]
    if (handle === undefined) throw new NotImplemented(`w:g2 ${asked}`)
    const group = services.groups.find(stanza.attrs.to)
    return handle({ group: member(group, account), account, child, services })
  },
}

/** Throws 404 when there is no such group, 403 when the account is not in it. */
function member(group: Group | undefined, account: IqRequest['account']): Group {
  if (group === undefined) throw notFound()
  if (!group.members.has(account)) throw forbidden()
  return group
}
