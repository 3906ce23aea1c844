/** What the routes of groups, communities and newsletters share: who acts, on which group, and what a group looks like from outside. */
import type { Account } from '../accounts/account.ts'
import type { Group } from '../groups/group.ts'
import { type Person, requireOnline } from '../phones.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'

/** The person who does something. Throws a 404, or a 409 when the phone is offline. */
export function actor({ phones }: ControlParts, number: string): Person {
  const person = phones.byNumber(number)
  if (person === undefined) throw new ControlError(404, `there is no phone ${number}`)
  requireOnline(person)
  return person
}

/** The group of an id, with or without `@g.us`. Throws a 404. */
export function groupOf({ services }: ControlParts, id: string): Group {
  const group = services.groups.find(id.includes('@') ? id : `${id}@g.us`)
  if (group === undefined) throw new ControlError(404, `there is no group ${id}`)
  return group
}

/** One request of a phone about groups; `to` is a group or, for those about none in particular, `@g.us`. Refusals become a 409. */
export function askAboutGroups({ phone }: Person, to: string, type: 'get' | 'set', child: BinaryNode): Promise<BinaryNode> {
  return phone.ask(node('iq', { to, type, xmlns: 'w:g2' }, [child]))
}

export const ALL_GROUPS = '@g.us'

export function describeGroup(group: Group) {
  const { subject, description, members, requests, picture, parent, community } = group
  return {
    id: group.jid,
    addressing: group.addressing,
    subject: subject.text,
    description: description === undefined ? null : { id: description.id, text: description.text },
    creator: group.creator.jid,
    createdAt: group.createdAt,
    members: [...members].map(([account, role]) => ({ ...describeMember(account), role })),
    announcement: group.announcement,
    locked: group.locked,
    memberAddMode: group.memberAddMode,
    joinApproval: group.joinApproval,
    ephemeral: group.ephemeral,
    inviteCode: group.inviteCode,
    requests: [...requests].map(([account, { at, method }]) => ({ ...describeMember(account), requestedAt: at, method })),
    picture: picture === undefined ? null : { id: picture.id, base64: picture.bytes.toString('base64') },
    community: parent === undefined ? null : { id: parent.jid, isAnnouncementGroup: group.isDefaultSubGroup },
    groups: community === undefined ? null : [...community.groups].map(({ jid }) => jid),
    requestsByDefault: community === undefined ? null : community.requestsByDefault,
  }
}

function describeMember({ jid, lid, name }: Account) {
  return { jid, lid, name }
}
