/** What the own account calls itself and looks like, for the list. Refreshed each time a session opens. */
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { EngineEvent } from '../whatsapp/engine.ts'
import type { InstanceRepository } from './instance-repository.ts'
import { inOrder, type LiveInstance } from './registry.ts'

interface Collaborators {
  db: Database
  repository: InstanceRepository
  logger: Logger
}

export const createProfileKeeper = ({ db, repository, logger }: Collaborators) => {
  const save = (instance: LiveInstance, profile: { profileName?: string | null; pictureUrl?: string | null }) =>
    inOrder(instance, () => db.write((tx) => repository.saveProfile(tx, instance.id, profile))).catch((error: unknown) =>
      logger.warn({ instance: instance.id, err: error }, 'The profile could not be stored'),
    )

  const refreshPicture = async (instance: LiveInstance, self: { jid: string | null; lid: string | null }) => {
    try {
      const pictureUrl = await instance.attempt?.session.profilePicture(self)
      if (pictureUrl !== undefined) await save(instance, { pictureUrl })
    } catch (error) {
      logger.debug({ instance: instance.id, err: error }, 'The profile picture could not be asked for')
    }
  }

  return async (instance: LiveInstance, event: EngineEvent): Promise<void> => {
    if (event.type === 'profile') await save(instance, { profileName: event.name })
    // Not waited for: the answer comes over the session that waits for us.
    if (event.type === 'open') void refreshPicture(instance, event.self)
  }
}
