/**
 * Communities: a group that is no chat, the groups linked to it, and its announcement group, which WhatsApp makes by itself. What a community has
 * in common with every group is in `groups.ts`.
 */
import type { Group } from './groups.ts'

/** A group as its community names it; the account need not be in it. */
export interface LinkedGroup {
  /** `…@g.us` */
  jid: string
  name: string
  isAnnouncementGroup: boolean
}

export interface WantedCommunity {
  name: string
  /** Empty: none. */
  description: string
  /** Whoever wants into a group made in it waits for an admin, unless that group is told otherwise. */
  requestsByDefault: boolean
}

/** All of them throw {@link EngineError}, with the codes of `Groups`. */
export interface CommunitySession {
  communities: {
    /** We are its superadmin and, so far, alone in it. 400: WhatsApp does not let this account have one. */
    create(wanted: WantedCommunity): Promise<Group>
    /** Takes an admin of both. 403: we are not; 404: no such group; 406: none that can be linked; 409: it is in a community; 419: full. */
    link(community: string, group: string): Promise<void>
    /** The group goes on by itself, with its members. 404: not one of this community; 406: the announcement group, which stays. */
    unlink(community: string, group: string): Promise<void>
    linkedGroups(community: string): Promise<LinkedGroup[]>
  }
}
