/** The in-memory network has no channels: whatever is asked about them is unsupported. */
import { EngineError } from '../../engine.ts'
import type { NewsletterSession } from '../../newsletters.ts'

const unsupported = async (): Promise<never> => {
  throw new EngineError('unsupported', 'the in-memory network has no channels')
}

export const noNewsletters: NewsletterSession['newsletters'] = {
  create: unsupported,
  list: unsupported,
  find: unsupported,
  follow: unsupported,
  unfollow: unsupported,
}
