/** A group as the server knows it: who is in it, what it is called, who may do what. It never sees what is said in it. */
import type { Account, Picture } from '../accounts/account.ts'
import type { UserServer } from '../jid.ts'

/** How members are named inside the group: by phone number, or by LID as in every group made since 2025. */
export type Addressing = 'pn' | 'lid'
/** The creator is superadmin; only superadmins may touch other superadmins. */
export type Role = 'member' | 'admin' | 'superadmin'
export type MemberAddMode = 'admin_add' | 'all_member_add'

/** Something that was last set by somebody at a time (Unix seconds). */
export interface Signed {
  text: string
  by: Account
  at: number
}

export interface JoinRequest {
  /** Who asked: the person, or a member that wanted to add them. */
  by: Account
  /** Unix seconds. */
  at: number
  method: 'invite_link' | 'non_admin_add' | 'linked_group_join'
}

/** What a member sent to one person who cannot be added: good for that person, once, until it expires. */
export interface PersonalInvite {
  admin: Account
  code: string
  /** Unix seconds. */
  expiration: number
}

export class Group {
  /** Limits of the real network. */
  static readonly maxMembers = 1_025
  static readonly maxSubject = 100
  static readonly maxDescription = 2_048
  /** Of requests, personal invites and people who left; beyond it the oldest are forgotten. */
  static readonly maxRemembered = 2_000

  /** User part of the address; answers carry it without `@g.us`. */
  readonly id: string
  /** WhatsApp moves groups from `pn` to `lid`, without a word to anybody. */
  addressing: Addressing
  readonly creator: Account
  /** Unix seconds. */
  readonly createdAt: number
  subject: Signed
  description: (Signed & { id: string }) | undefined
  picture: Picture | undefined
  inviteCode: string
  /** Grows with every change of the members. */
  version = 1
  readonly members = new Map<Account, Role>()
  /** Only admins may write. */
  announcement = false
  /** Only admins may change subject, description and picture. */
  locked = false
  memberAddMode: MemberAddMode = 'all_member_add'
  /** Whoever comes by link waits for an admin. */
  joinApproval = false
  /** Disappearing messages; seconds, 0 is off. */
  ephemeral = 0
  readonly requests = new Map<Account, JoinRequest>()
  readonly personalInvites = new Map<Account, PersonalInvite>()
  /** When somebody left by themselves (Unix seconds): they can be invited, not added, for a while. */
  readonly leftAt = new Map<Account, number>()
  /** Who may not come in by link, whatever the link says. */
  readonly barred = new Set<Account>()
  /** The community this group belongs to. */
  parent: Group | undefined
  /** Set when this is a community and no chat of its own. */
  community: Community | undefined
  /** The community's announcement group. */
  isDefaultSubGroup = false

  constructor(input: { id: string; addressing: Addressing; creator: Account; createdAt: number; subject: string; inviteCode: string }) {
    this.id = input.id
    this.addressing = input.addressing
    this.creator = input.creator
    this.createdAt = input.createdAt
    this.subject = { text: input.subject, by: input.creator, at: input.createdAt }
    this.inviteCode = input.inviteCode
  }

  get jid(): string {
    return `${this.id}@g.us`
  }

  get server(): UserServer {
    return this.addressing === 'lid' ? 'lid' : 's.whatsapp.net'
  }

  roleOf(account: Account): Role | undefined {
    return this.members.get(account)
  }

  isAdmin(account: Account): boolean {
    const role = this.roleOf(account)
    return role === 'admin' || role === 'superadmin'
  }
}

export interface Community {
  /** Whoever wants into a group made in it waits for an admin, unless that group says otherwise. */
  requestsByDefault: boolean
  /** Members may create groups in it. */
  openToNewGroups: boolean
  readonly groups: Set<Group>
}

/** Writes down something about somebody and forgets the oldest when it gets too much. */
export function remember<T>(about: Map<Account, T>, account: Account, value: T): void {
  about.delete(account)
  about.set(account, value)
  if (about.size <= Group.maxRemembered) return
  for (const oldest of about.keys()) {
    about.delete(oldest)
    return
  }
}
