/** The enabled webhooks of an instance, from memory: recording an event must not ask the database who wants it. */
import { createBoundedMap } from '../../runtime/bounded-map.ts'
import type { Reader } from '../../storage/database.ts'
import type { Target, WebhookRepository } from './repository.ts'

export interface Targets {
  /**
   * From memory, else through `reader`. A transaction says what `changes` was when it began: what it reads may be older than what others have
   * committed since, and is remembered only if nobody has.
   */
  of(reader: Reader, instanceId: string, changes?: number): Promise<readonly Target[]>
  /** Grows with every change. */
  changes(): number
  /** To be called once a change is committed. */
  forget(instanceId: string): void
}

/** Instances whose configuration is kept; one costs about 1 KiB. */
const REMEMBERED = 10_000

export const createTargets = (repository: WebhookRepository): Targets => {
  const known = createBoundedMap<string, readonly Target[]>(REMEMBERED)
  let changes = 0
  return {
    async of(reader, instanceId, before = changes) {
      const remembered = known.get(instanceId)
      if (remembered !== undefined) return remembered
      const targets = await repository.targets(reader, instanceId)
      // Something changed while we were reading: what we read may be the state before.
      if (changes === before) known.set(instanceId, targets)
      return targets
    },
    changes: () => changes,
    forget(instanceId) {
      changes++
      known.delete(instanceId)
    },
  }
}
