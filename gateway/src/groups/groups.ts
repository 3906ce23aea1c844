/** Groups: the nine routes over the group part of the engine port. Their changes are told as `group.flow` by messages/. */
import type { Operation } from '../http/operation.ts'
import type { GroupInstances } from './access.ts'
import { createGroupWriting, type PictureMaker } from './create-update.ts'
import { createMembership, type SendInvite } from './members.ts'
import { groupOperations } from './operations.ts'
import { createGroupReading } from './reading.ts'

export interface GroupsFeature {
  readonly operations: readonly Operation[]
}

interface Collaborators {
  instances: GroupInstances
  media: PictureMaker
  sendInvite: SendInvite
}

export const createGroups = ({ instances, media, sendInvite }: Collaborators): GroupsFeature => ({
  operations: groupOperations({
    ...createGroupWriting(instances, media),
    ...createGroupReading(instances),
    ...createMembership(instances, sendInvite),
  }),
})
