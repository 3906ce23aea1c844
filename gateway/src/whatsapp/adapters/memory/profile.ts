/** The in-memory network keeps no profiles: whatever is asked about them is unsupported. */
import { EngineError } from '../../engine.ts'
import type { ProfileSession } from '../../profile.ts'

const unsupported = async (): Promise<never> => {
  throw new EngineError('unsupported', 'the in-memory network has no profiles')
}

export const noProfile: ProfileSession['profile'] = {
  setPicture: unsupported,
  setName: unsupported,
  setAbout: unsupported,
  about: unsupported,
  business: unsupported,
  privacy: unsupported,
  setPrivacy: unsupported,
}
