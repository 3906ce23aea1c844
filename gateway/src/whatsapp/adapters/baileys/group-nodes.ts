/**
 * Groups as they stand in stanzas (w:g2). Baileys' own reading appends `@g.us` where it stands already, drops the numbers of LID members and
 * most of the settings (engine.md §6.2 no. 12), so this is ours. Attributes as whatsmeow's `parseGroupNode` knows them.
 */
import type { BinaryNode } from 'baileys'
import type { Group, GroupMember, GroupRole, JoinRequest, LastSet, MemberOutcome } from '../../groups.ts'
import { addressFrom } from './addresses.ts'
import { childOf, childrenNamed, numberOf, textOf, timeOf } from './nodes.ts'

/** Null when the node is no group. */
export const readGroup = (node: BinaryNode | undefined): Group | null => {
  const { attrs } = node ?? { attrs: {} as Record<string, string> }
  if (node === undefined || !attrs.id) return null
  const members = childrenNamed(node, 'participant').filter(({ attrs: { error } }) => error === undefined)
  const description = childOf(node, 'description')
  const creator = addressFrom(attrs.creator, attrs.creator_pn, attrs.creator_lid)
  return {
    jid: groupJid(attrs.id),
    addressing: attrs.addressing_mode === 'lid' ? 'lid' : 'number',
    name: attrs.subject ?? '',
    nameSet: lastSet(attrs, 's_o', attrs.s_t),
    description:
      description === undefined || childOf(description, 'delete') !== undefined
        ? null
        : {
            id: description.attrs.id ?? '',
            text: textOf(childOf(description, 'body')),
            ...lastSet(description.attrs, 'participant', description.attrs.t),
          },
    creator: creator.jid === null && creator.lid === null ? null : creator,
    createdAt: timeOf(attrs.creation),
    members: members.map(readMember),
    memberCount: members.length > 0 ? members.length : (numberOf(attrs.size) ?? 0),
    settings: {
      membersCanEditInfo: childOf(node, 'locked') === undefined,
      membersCanSendMessages: childOf(node, 'announcement') === undefined,
      membersCanAddOthers: textOf(childOf(node, 'member_add_mode')) === 'all_member_add',
      requireAdminApproval: approvalOf(childOf(node, 'membership_approval_mode')),
    },
    ephemeral: numberOf(childOf(node, 'ephemeral')?.attrs.expiration) ?? 0,
    community: childOf(node, 'linked_parent')?.attrs.jid ?? null,
    isCommunity: childOf(node, 'parent') !== undefined,
    isAnnouncementGroup: childOf(node, 'default_sub_group') !== undefined,
    isIncognito: childOf(node, 'incognito') !== undefined,
    isSuspended: childOf(node, 'suspended') !== undefined,
  }
}

export const groupJid = (id: string): string => (id.includes('@') ? id : `${id}@g.us`)

/** In the community's own node the switch is called otherwise. */
export const approvalOf = (mode: BinaryNode | undefined): boolean =>
  (childOf(mode, 'group_join') ?? childOf(mode, 'community_join'))?.attrs.state === 'on'

const readMember = ({ attrs }: BinaryNode): GroupMember => ({
  address: memberAddress(attrs),
  role: roles.get(attrs.type) ?? 'member',
  ...(attrs.display_name ? { maskedNumber: attrs.display_name } : {}),
})

const roles = new Map<string | undefined, GroupRole>([
  ['admin', 'admin'],
  ['superadmin', 'superadmin'],
])

export const memberAddress = (attrs: BinaryNode['attrs']) => addressFrom(attrs.jid, attrs.phone_number, attrs.lid)

const lastSet = (attrs: BinaryNode['attrs'], name: string, seconds: string | undefined): LastSet => {
  const by = addressFrom(attrs[name], attrs[`${name}_pn`], attrs[`${name}_lid`])
  return { by: by.jid === null && by.lid === null ? null : by, at: timeOf(seconds) }
}

/** `<participant jid [phone_number|lid] [error]>` with an `<add_request>` for whom only an invite helps. */
export const readOutcomes = (node: BinaryNode | undefined): MemberOutcome[] =>
  childrenNamed(node, 'participant').map((participant) => {
    const invite = childOf(participant, 'add_request')?.attrs
    return {
      address: memberAddress(participant.attrs),
      error: numberOf(participant.attrs.error),
      invite: invite?.code ? { code: invite.code, expiresAt: timeOf(invite.expiration) ?? 0 } : null,
    }
  })

export const readRequests = (node: BinaryNode | undefined): JoinRequest[] =>
  childrenNamed(node, 'membership_approval_request').map(({ attrs }) => ({
    address: memberAddress(attrs),
    requestedAt: timeOf(attrs.request_time),
  }))
