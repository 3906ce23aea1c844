/** The enabled webhooks of an instance, from memory: recording an event must not ask the database who wants it. */
import { createBoundedMap } from '../../runtime/bounded-map.ts'
import type { Reader } from '../../storage/database.ts'
import type { Target, WebhookRepository } from './repository.ts'

export interface Targets {
  /** From memory, else through `reader`, which may be a transaction under way. */
  of(reader: Reader, instanceId: string): Promise<readonly Target[]>
  /** To be called once a change is committed. */
  forget(instanceId: string): void
}

/** Instances whose configuration is kept; one costs about 1 KiB. */
const REMEMBERED = 10_000

export const createTargets = (repository: WebhookRepository): Targets => {
  const known = createBoundedMap<string, readonly Target[]>(REMEMBERED)
  let changes = 0
  return {
    async of(reader, instanceId) {
      const remembered = known.get(instanceId)
      if (remembered !== undefined) return remembered
      const before = changes
      const targets = await repository.targets(reader, instanceId)
      // Something changed while we were reading: what we read may be the state before.
      if (changes === before) known.set(instanceId, targets)
      return targets
    },
    forget(instanceId) {
      changes++
      known.delete(instanceId)
    },
  }
}
