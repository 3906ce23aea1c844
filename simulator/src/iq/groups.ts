/** `w:g2`: groups and communities. Requests without a group go to `@g.us`, the others to the group's own address. */
import { deactivate, joinLinked, link, listLinkedParticipants, listSubGroups, unlink } from '../groups/communities.ts'
import { create } from '../groups/creating.ts'
import { forbidden, type GroupAnswer, type GroupRequest, notFound } from '../groups/group-request.ts'
import { accept, inviteCode, joinByCode, preview, previewOfInvited, renewInviteCode, revokeInvites } from '../groups/joining.ts'
import { list } from '../groups/looking.ts'
import { add, demote, leave, promote, remove } from '../groups/membership.ts'
import { cancel, decide, listRequests } from '../groups/requests.ts'
import {
  setAnnouncement,
  setApprovalMode,
  setDescription,
  setEphemeral,
  setLocked,
  setMemberAddMode,
  setSubject,
} from '../groups/settings.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

const ALL_GROUPS = '@g.us'

type Handle = (request: GroupRequest) => GroupAnswer

/** Of members only. */
const INSIDE: Record<string, Handle> = {
  'get invite': inviteCode,
  'set invite': renewInviteCode,
  'set add': add,
  'set remove': remove,
  'set promote': promote,
  'set demote': demote,
  'set subject': setSubject,
  'set description': setDescription,
  'set announcement': setAnnouncement,
  'set not_announcement': setAnnouncement,
  'set locked': setLocked,
  'set unlocked': setLocked,
  'set ephemeral': setEphemeral,
  'set not_ephemeral': setEphemeral,
  'set member_add_mode': setMemberAddMode,
  'set membership_approval_mode': setApprovalMode,
  'get membership_approval_requests': listRequests,
  'set membership_requests_action': decide,
  'set revoke': revokeInvites,
  'set links': link,
  'set unlink': unlink,
  'get sub_groups': listSubGroups,
  'get linked_groups_participants': listLinkedParticipants,
  'set join_linked_group': joinLinked,
  'set delete_parent': deactivate,
}

/** Of people who need not be in the group. */
const OUTSIDE: Record<string, Handle> = {
  'get query': previewOfInvited,
  'set accept': accept,
  'set cancel_membership_requests': cancel,
}

/** Of nobody's group in particular. */
const GENERAL: Record<string, (request: IqRequest & Pick<GroupRequest, 'child'>) => GroupAnswer> = {
  'get participating': ({ account, child, services }) => list(account, child, services),
  'set create': ({ account, child, services }) => create(account, child, services),
  'set leave': ({ account, child, services }) => leave(account, child, services),
  'get invite': ({ child, services }) => preview(child.attrs.code ?? '', services),
  'set invite': ({ account, child, services }) => joinByCode(account, child.attrs.code ?? '', services),
}

export const groups: IqHandler = {
  xmlns: 'w:g2',
  answer(request) {
    const { type, child, stanza, account, services } = request
    if (child === undefined) throw new NotImplemented(`w:g2 ${type} without a child`)
    const asked = `${type} ${child.tag}`
    const general = stanza.attrs.to === ALL_GROUPS ? GENERAL[asked] : undefined
    if (general !== undefined) return general({ ...request, child })
    const handle = INSIDE[asked] ?? OUTSIDE[asked]
    if (handle === undefined) throw new NotImplemented(`w:g2 ${asked}`)
    const group = services.groups.find(stanza.attrs.to)
    if (group === undefined) throw notFound()
    if (handle === INSIDE[asked] && !group.members.has(account)) throw forbidden()
    return handle({ group, account, child, services })
  },
}
