/** The group part of the engine port: what a group is, what can be done with it, and what WhatsApp tells of its changes. */
import type { Address } from './address.ts'

/** The creator is `superadmin`; only a superadmin may take away what another one has. */
export type GroupRole = 'member' | 'admin' | 'superadmin'

export interface GroupMember {
  address: Address
  role: GroupRole
  /** `+34∙∙∙∙∙∙∙22`, where WhatsApp shows no more of it. */
  maskedNumber?: string
}

/** Who last set a text, and when (ms); null where WhatsApp does not say. */
export interface LastSet {
  by: Address | null
  at: number | null
}

export interface GroupSettings {
  /** False: only admins change name, description and picture (WhatsApp's `locked`). */
  membersCanEditInfo: boolean
  /** False: only admins write (WhatsApp's `announcement`). */
  membersCanSendMessages: boolean
  /** WhatsApp's `member_add_mode`. */
  membersCanAddOthers: boolean
  /** Whoever comes by link waits for an admin. */
  requireAdminApproval: boolean
}

export interface Group {
  /** `…@g.us` */
  jid: string
  /** How members are named on the wire: by LID, or by number as in groups made before LIDs. */
  addressing: 'lid' | 'number'
  name: string
  nameSet: LastSet
  /** `id` names this very text: whoever replaces it has to say which one they replace. */
  description: (LastSet & { id: string; text: string }) | null
  creator: Address | null
  /** Milliseconds. */
  createdAt: number | null
  /** Empty where they were not asked for, and in previews. */
  members: GroupMember[]
  memberCount: number
  settings: GroupSettings
  /** Seconds after which messages disappear; 0: they stay. */
  ephemeral: number
  /** Community this group is linked to. */
  community: string | null
  /** It is a community itself, and no chat. */
  isCommunity: boolean
  /** The announcement group of its community. */
  isAnnouncementGroup: boolean
  isIncognito: boolean
  isSuspended: boolean
}

/** What became of one person of a request about several. */
export interface MemberOutcome {
  /** As far as WhatsApp says and we know. */
  address: Address
  /** WhatsApp's code; null: done. */
  error: number | null
  /** Made by WhatsApp for somebody who cannot be added: good for this person, once, until it expires (ms). */
  invite: { code: string; expiresAt: number } | null
}

export type MemberAction = 'add' | 'remove' | 'promote' | 'demote' | 'approve' | 'reject'

export interface JoinRequest {
  address: Address
  /** Milliseconds. */
  requestedAt: number | null
}

/**
 * Everything here throws {@link EngineError}: `not-connected`, `timeout`, `rate-limited`, else with WhatsApp's own code as `serverCode` (400
 * bad request, 401 not an admin, 403 not in the group or not the role it takes, 404 no such thing, 406 not acceptable, 409 changed meanwhile,
 * 410 gone, 419 full).
 */
export interface Groups {
  /** We are its superadmin. With `community` it is born as one of that community's groups. */
  create(wanted: {
    name: string
    participants: readonly Address[]
    community?: string | null
  }): Promise<{ group: Group; refused: MemberOutcome[] }>
  /** Every group the account is in, communities included, each as WhatsApp has it now. */
  list(options: { members: boolean }): Promise<Group[]>
  /** As WhatsApp has it now. 403 or 404 when the account is not in it. */
  read(jid: string): Promise<Group>
  /** What a stranger sees of the group behind an invite code: no members. 406 for a code that never was one, 410 for a revoked one. */
  preview(code: string): Promise<Group>
  setName(jid: string, name: string): Promise<void>
  /** An empty text takes it away. `replaces` is the id of the present one; 409 when it has been changed meanwhile. */
  setDescription(jid: string, text: string, replaces: string | null): Promise<void>
  /** JPEG of at most 640 × 640 pixels; null takes the picture away. */
  setPicture(jid: string, picture: Uint8Array | null): Promise<void>
  changeSetting(jid: string, setting: keyof GroupSettings, value: boolean): Promise<void>
  /** One outcome per person, in the order given. `approve` and `reject` are about people who asked to be let in. */
  changeMembers(jid: string, action: MemberAction, people: readonly Address[]): Promise<MemberOutcome[]>
  /** For admins; 401 for others. */
  inviteCode(jid: string): Promise<string>
  /** The old code is dead from then on. */
  renewInviteCode(jid: string): Promise<string>
  /** Being in it already counts as joined. `requiresApproval`: not in it, but in the queue. */
  join(code: string): Promise<{ jid: string; requiresApproval: boolean }>
  /** Who waits to be let in, oldest first. */
  requests(jid: string): Promise<JoinRequest[]>
  leave(jid: string): Promise<void>
}

/** Part of {@link EngineSession}. */
export interface GroupSession {
  readonly groups: Groups
}

/** One change of a group, as WhatsApp tells everybody in it. */
export type GroupChange =
  /** `how`: the group is new, somebody was added, came by link or invite, or through the community. */
  | { type: 'joined'; people: Address[]; how: 'created' | 'added' | 'invite' | 'community' }
  | { type: 'left'; people: Address[]; how: 'left' | 'removed' }
  | { type: 'promoted' | 'demoted'; people: Address[] }
  | { type: 'name'; name: string }
  /** Empty: it was taken away. */
  | { type: 'description'; text: string }
  | { type: 'picture'; id: string | null }
  | { type: 'setting'; setting: keyof GroupSettings; value: boolean }
  | { type: 'ephemeral'; seconds: number }
  | { type: 'invite'; code: string }
  | { type: 'requested'; people: Address[]; how: string }
  /** Taken back by those who asked, or turned down by the actor. */
  | { type: 'unrequested'; people: Address[] }
  /** The community, seen from the group; the group, seen from the community. */
  | { type: 'linked' | 'unlinked'; groups: string[] }
  | { type: 'deleted'; reason: string | null }
  | { type: 'suspended'; suspended: boolean }

/** What one notification says. */
export interface GroupNews {
  group: string
  /** Null when it was WhatsApp itself, or it does not say. */
  actor: Address | null
  /** The actor's, where it came along. */
  actorName: string | null
  /** Milliseconds, WhatsApp's clock. */
  timestamp: number
  /** What the group is called, where the notification says. */
  name: string | null
  /** It is the announcement group of a community, as far as the notification says. */
  isAnnouncementGroup: boolean
  changes: GroupChange[]
}
