/** Groups as the answers show them (groups-channels-integrations.md §2.0). */
import { z } from 'zod'
import { rfc3339 } from '../runtime/clock.ts'
import type { Address } from '../whatsapp/engine.ts'
import type { Group, GroupMember, JoinRequest, LastSet } from '../whatsapp/groups.ts'
import { inviteLink } from './identifier.ts'

export const groupSettings = z.object({
  membersCanEditInfo: z.boolean(),
  membersCanSendMessages: z.boolean(),
  membersCanAddOthers: z.boolean(),
  requireAdminApproval: z.boolean(),
})

const participant = z.object({ jid: z.string(), lid: z.string().nullable(), isAdmin: z.boolean(), isSuperAdmin: z.boolean() })

export const groupInfo = z.object({
  name: z.string(),
  jid: z.string(),
  description: z.string(),
  inviteCode: z.string().nullable(),
  inviteLink: z.string().nullable(),
  createdBy: z.string().nullable(),
  participantCount: z.int(),
  participants: z.array(participant).optional(),
  groupSettings,
  isCommunity: z.boolean(),
  linkedParentJid: z.string().nullable(),
})

const lastSet = { by: z.string().nullable(), at: z.string().nullable() }

export const groupDetail = groupInfo.extend({
  image: z.string().nullable(),
  createdAt: z.string().nullable(),
  metadata: z.object({ name: z.object(lastSet), description: z.object(lastSet) }),
  isEphemeral: z.boolean(),
  isIncognito: z.boolean(),
  isSuspended: z.boolean(),
  isDefaultSubGroup: z.boolean(),
})

export const listedGroup = z.object({
  groupJid: z.string(),
  name: z.string(),
  description: z.string(),
  memberCount: z.int(),
  isCommunity: z.boolean(),
  isAnnounce: z.boolean(),
  isAdmin: z.boolean(),
  createdAt: z.string().nullable(),
  participants: z.array(participant).optional(),
})

/** `code`: null where the account may not know it. */
export const viewInfo = (group: Group, code: string | null, participants = true): z.infer<typeof groupInfo> => ({
  name: group.name,
  jid: group.jid,
  description: group.description?.text ?? '',
  inviteCode: code,
  inviteLink: code === null ? null : inviteLink(code),
  createdBy: group.creator === null ? null : nameOf(group.creator),
  participantCount: group.memberCount,
  ...(participants ? { participants: group.members.map(viewMember) } : {}),
  groupSettings: group.settings,
  isCommunity: group.isCommunity,
  linkedParentJid: group.community,
})

export const viewDetail = (
  group: Group,
  { code, image, participants }: { code: string | null; image: string | null; participants: boolean },
): z.infer<typeof groupDetail> => ({
  ...viewInfo(group, code, participants),
  image,
  createdAt: group.createdAt === null ? null : rfc3339(group.createdAt),
  metadata: { name: viewLastSet(group.nameSet), description: viewLastSet(group.description) },
  isEphemeral: group.ephemeral > 0,
  isIncognito: group.isIncognito,
  isSuspended: group.isSuspended,
  isDefaultSubGroup: group.isAnnouncementGroup,
})

export const viewListed = (group: Group, self: Address, participants: boolean): z.infer<typeof listedGroup> => ({
  groupJid: group.jid,
  name: group.name,
  description: group.description?.text ?? '',
  memberCount: group.memberCount,
  isCommunity: group.isCommunity,
  isAnnounce: !group.settings.membersCanSendMessages,
  isAdmin: isAdmin(group, self),
  createdAt: group.createdAt === null ? null : rfc3339(group.createdAt),
  ...(participants ? { participants: group.members.map(viewMember) } : {}),
})

export const viewRequest = ({ address, requestedAt }: JoinRequest) => ({
  jid: address.lid ?? address.jid ?? '',
  phoneNumber: address.jid,
  // Whole seconds, as documented: that is what WhatsApp tells.
  requestedAt: requestedAt === null ? null : rfc3339(requestedAt).replace('.000Z', 'Z'),
})

/** The number where it is known: the contract's `jid` of a person. */
export const nameOf = ({ jid, lid }: Address): string => jid ?? lid ?? ''

export const isAdmin = (group: Group, self: Address): boolean =>
  group.members.some(({ address, role }) => role !== 'member' && isSame(address, self))

const isSame = (one: Address, other: Address): boolean =>
  (one.jid !== null && one.jid === other.jid) || (one.lid !== null && one.lid === other.lid)

const viewMember = ({ address, role }: GroupMember): z.infer<typeof participant> => ({
  jid: nameOf(address),
  lid: address.lid,
  isAdmin: role !== 'member',
  isSuperAdmin: role === 'superadmin',
})

const viewLastSet = (set: LastSet | null) => ({
  by: set?.by ? nameOf(set.by) : null,
  at: set?.at ? rfc3339(set.at) : null,
})
