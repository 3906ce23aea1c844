/** The in-memory network has no communities: whatever is asked about them is unsupported. */
import type { CommunitySession } from '../../communities.ts'
import { EngineError } from '../../engine.ts'

const unsupported = async (): Promise<never> => {
  throw new EngineError('unsupported', 'the in-memory network has no communities')
}

export const noCommunities: CommunitySession['communities'] = {
  create: unsupported,
  link: unsupported,
  unlink: unsupported,
  linkedGroups: unsupported,
}
