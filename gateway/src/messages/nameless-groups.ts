/**
 * Groups that messages come from before anybody has said what they are called: the account was just added, and what WhatsApp tells of that is
 * late or got lost. The messages are recorded as they are; WhatsApp is asked for the group meanwhile, and what it says is stored like any name.
 */
import { createBoundedMap, dropPrefix } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { EngineSession } from '../whatsapp/engine.ts'

export interface NamelessGroups {
  /** A message came from it. Returns at once. */
  met(instanceId: string, group: string): void
  forget(instanceId: string): void
}

interface Collaborators {
  /** Throws when it is not connected. */
  session(instanceId: string): Pick<EngineSession, 'groups'>
  clock: Clock
  logger: Logger
}

/** One that WhatsApp says nothing about is not asked for with every message. */
const AGAIN_AFTER_MS = 60_000
/** Over all instances. */
const REMEMBERED = 20_000
/** Of one instance; the others are asked for when the next message comes from them. */
const MOST_WAITING = 100

export const createNamelessGroups = ({ session, clock, logger }: Collaborators): NamelessGroups => {
  const askedAt = createBoundedMap<string, number>(REMEMBERED)
  const waiting = new Map<string, Set<string>>()

  /** One after the other: a device that comes back may find messages of many groups. */
  const ask = async (instanceId: string, groups: Set<string>): Promise<void> => {
    for (const group of groups) {
      askedAt.set(`${instanceId} ${group}`, clock.now())
      try {
        await session(instanceId).groups.read(group)
      } catch (error) {
        logger.debug({ err: error, instance: instanceId }, 'A group could not be asked for its name')
      }
      groups.delete(group)
    }
    waiting.delete(instanceId)
  }

  return {
    met(instanceId, group) {
      if (clock.now() - (askedAt.get(`${instanceId} ${group}`) ?? Number.NEGATIVE_INFINITY) < AGAIN_AFTER_MS) return
      const groups = waiting.get(instanceId)
      if (groups !== undefined) {
        if (groups.size < MOST_WAITING) groups.add(group)
        return
      }
      const first = new Set([group])
      waiting.set(instanceId, first)
      void ask(instanceId, first)
    },
    forget(instanceId) {
      waiting.get(instanceId)?.clear()
      dropPrefix(askedAt, `${instanceId} `)
    },
  }
}
