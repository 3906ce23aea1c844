/**
 * A new community: once it exists, nothing that fails loses it (groups-channels-integrations.md §3.1). Where WhatsApp does not let the account have
 * one, a regular group takes its place.
 */
import { type GroupInstances, sessionOf } from '../groups/access.ts'
import { presentGroup } from '../groups/presenting.ts'
import { hasCode, type RefusalTexts, refusalOf } from '../groups/refusals.ts'
import type { Instance } from '../instances/instance.ts'
import type { MediaSource } from '../media/media.ts'
import type { EngineSession } from '../whatsapp/engine.ts'
import type { Group } from '../whatsapp/groups.ts'
import { linkGroups } from './linking.ts'

export interface WantedCommunity {
  name: string
  /** Empty: none. */
  description: string
  image: MediaSource | null
  /** To be linked, in this order. */
  groups: readonly string[]
  requestsByDefault: boolean
}

/** JPEG, cut to what WhatsApp wants. Throws 400s. */
export type PictureOf = (source: MediaSource) => Promise<Uint8Array>

export const creating: RefusalTexts = {
  forbidden: 'Not authorized to create a community',
  failed: 'Failed to create community',
  makes: true,
}

export const createCreating = (instances: GroupInstances, pictureOf: PictureOf) => ({
  async create({ id }: Instance, wanted: WantedCommunity) {
    const session: Session = sessionOf(instances, id)
    const { group, isCommunity } = await found(session, wanted).catch((error: unknown) => {
      throw refusalOf(error, creating)
    })
    const { image } = wanted
    const imageError =
      image === null
        ? null
        : await pictureOf(image)
            .then((picture) => session.groups.setPicture(group.jid, picture))
            .then(
              () => null,
              (error: unknown) => refusalOf(error, creating).message,
            )
    const links = await linkAll(session, group.jid, isCommunity, wanted.groups)
    const announcements = isCommunity ? await session.communities.linkedGroups(group.jid).catch(() => []) : []
    return {
      group: await presentGroup(session, group, instances.self(id)),
      isCommunity,
      announcementGroupJid: announcements.find(({ isAnnouncementGroup }) => isAnnouncementGroup)?.jid ?? null,
      linkedGroups: links.linked,
      failedGroups: links.failed,
      ...(links.failed.length === 0 ? {} : { groupErrors: links.errors }),
      ...(imageError === null ? {} : { imageError }),
    }
  },
})

type Session = Pick<EngineSession, 'groups' | 'communities' | 'lookUpNumbers' | 'profilePicture'>

const found = async (session: Session, wanted: WantedCommunity): Promise<{ group: Group; isCommunity: boolean }> => {
  const { name, description } = wanted
  try {
    return { group: await session.communities.create(wanted), isCommunity: true }
  } catch (error) {
    if (!hasCode(error, 400)) throw error
  }
  const { group } = await session.groups.create({ name, participants: [] })
  // The group is there; that it says nothing about itself is seen in the answer.
  if (description !== '') await session.groups.setDescription(group.jid, description, null).catch(() => {})
  return { group, isCommunity: false }
}

const linkAll = async (session: Session, community: string, isCommunity: boolean, groups: readonly string[]) => {
  const failing = (reason: string) => ({
    linked: [],
    failed: [...groups],
    errors: Object.fromEntries(groups.map((group) => [group, reason])),
  })
  if (!isCommunity) return failing('Groups can only be linked to a community')
  return linkGroups(session, community, 'link', groups).catch((error: unknown) => failing(refusalOf(error, creating).message))
}
