/** Creating a group in one call, and changing one: what fails after the group exists is reported and does not lose it. */
import { ApiError } from '../http/errors.ts'
import type { Instance } from '../instances/instance.ts'
import type { Media } from '../media/media.ts'
import { type GroupInstances, inGroup, jidOf, orRefused, readAsMember, sessionOf } from './access.ts'
import { applyChanges, type ToPicture, type WantedChanges } from './changes.ts'
import { notRegistered, type Outcome, viewOutcome } from './outcomes.ts'
import { findParticipants } from './participants.ts'
import { presentGroup } from './presenting.ts'
import { hasCode, type RefusalTexts, refusalOf } from './refusals.ts'

export type PictureMaker = Pick<Media, 'profilePicture'>

export interface WantedGroup extends Omit<WantedChanges, 'name' | 'image'> {
  name: string
  participants: readonly string[]
  image?: WantedChanges['image']
  communityJid?: string | undefined
}

const creating: RefusalTexts = { forbidden: 'Not authorized to create this group', failed: 'Failed to create group', makes: true }
const inCommunity = 'Not authorized to create a group in this community (must be admin)'
export const updating: RefusalTexts = { forbidden: 'Not authorized to update this group (must be admin)', failed: 'Failed to update group' }

export const createGroupWriting = (instances: GroupInstances, media: PictureMaker) => {
  const toPicture: ToPicture = async (source) => (await media.profilePicture(source)).full

  return {
    async create({ id }: Instance, wanted: WantedGroup) {
      const session = sessionOf(instances, id)
      const people = await orRefused(creating, () => findParticipants(session, wanted.participants))
      const registered = people.filter((person) => person.registered)
      if (registered.length === 0) throw new ApiError(400, `Number ${people[0]?.asked} is not registered on WhatsApp`)
      const community = wanted.communityJid ?? null
      const { group, refused } = await session.groups
        .create({ name: wanted.name, participants: registered.map(({ address }) => address), community })
        .catch((error: unknown) => {
          if (community !== null && hasCode(error, 404, 406)) throw new ApiError(404, 'Community not found')
          throw refusalOf(error, community === null ? creating : { ...creating, forbidden: inCommunity })
        })
      const { failed } = await applyChanges(session, group, { ...wanted, name: undefined }, toPicture)
      const failedParticipants: Outcome[] = [
        ...people.filter((person) => !person.registered).map(notRegistered),
        ...refused.map((outcome) => viewOutcome('add', outcome)),
      ]
      return {
        group: await presentGroup(session, group, instances.self(id)),
        ...(failedParticipants.length === 0 ? {} : { failedParticipants }),
        ...(failed.has('description') ? { descriptionError: reasonOf(failed.get('description')) } : {}),
        ...(failed.has('image') ? { imageError: reasonOf(failed.get('image')) } : {}),
        ...(failed.has('groupSettings') ? { settingsError: reasonOf(failed.get('groupSettings')) } : {}),
      }
    },

    async update({ id }: Instance, identifier: string, wanted: WantedChanges) {
      const session = sessionOf(instances, id)
      const group = await orRefused(updating, async () => readAsMember(session, await jidOf(session, identifier)))
      const { changed, failed } = await applyChanges(session, group, wanted, toPicture)
      if (changed.length === 0) {
        const [first] = failed.values()
        await inGroup(session, group.jid, updating, () => Promise.reject(first))
      }
      return {
        changed,
        group: await presentGroup(session, group, instances.self(id)),
        ...(failed.size === 0 ? {} : { errors: Object.fromEntries([...failed].map(([field, error]) => [field, reasonOf(error)])) }),
      }
    },
  }
}

const reasonOf = (error: unknown): string => refusalOf(error, updating).message
