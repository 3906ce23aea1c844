/** Communities: the four routes over the community part of the engine port. Their groups are groups like any other. */
import type { GroupInstances } from '../groups/access.ts'
import type { Operation } from '../http/operation.ts'
import { createCreating, type PictureOf } from './creating.ts'
import { communityOperations } from './operations.ts'

export interface CommunitiesFeature {
  readonly operations: readonly Operation[]
}

interface Collaborators {
  instances: GroupInstances
  picture: PictureOf
}

export const createCommunitiesFeature = ({ instances, picture }: Collaborators): CommunitiesFeature => ({
  operations: communityOperations({ instances, ...createCreating(instances, picture) }),
})
