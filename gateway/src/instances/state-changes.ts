/**
 * Moves an instance along the edges of its life cycle: memory at once, then row and `instance.state` event in one transaction. Writes of
 * one instance follow each other, so that the stored state is always the newest.
 */
import type { EventLog } from '../events/event.ts'
import type { Clock } from '../runtime/clock.ts'
import { rfc3339 } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { InstanceRepository, StateChange } from './instance-repository.ts'
import { type AnnouncedState, type Edge, edge, type LifeCycleInput } from './life-cycle.ts'
import { inOrder, type LiveInstance } from './registry.ts'

export interface ChangeDetails {
  /** A short word for people and programs, e.g. `lost`. */
  reason: string
  /** QR texts, for `qr_ready`. */
  codes?: string[]
  /** What became known along the way. */
  learned?: Pick<StateChange, 'numberJid' | 'lid' | 'profileName' | 'businessName' | 'platform'>
  /** Not announced: a retry of the supervisor that failed like the one before. */
  quiet?: boolean
}

export interface StateChanges {
  /**
   * Applies `input`. Memory has changed when this returns; `stored` resolves when it is durable and rejects when the store refused.
   * Null: the input means nothing in the present state.
   */
  apply(instance: LiveInstance, input: LifeCycleInput, details: ChangeDetails): { edge: Edge; stored: Promise<void> } | null
}

export const createStateChanges = ({
  repository,
  events,
  clock,
  logger,
}: {
  repository: InstanceRepository
  events: EventLog
  clock: Clock
  logger: Logger
}): StateChanges => ({
  apply(instance, input, { reason, codes, learned = {}, quiet = false }) {
    const taken = edge(instance.state, input)
    if (taken === null) return null
    const from = instance.state
    const now = clock.now()
    instance.state = taken.to
    instance.reason = reason
    instance.wanted = taken.wanted ?? instance.wanted
    instance.numberJid = learned.numberJid === undefined ? instance.numberJid : learned.numberJid
    instance.lid = learned.lid === undefined ? instance.lid : learned.lid
    instance.updatedAt = now
    logger.info({ instance: instance.id, from, to: taken.to, input, reason }, 'Instance state changed')

    const change: StateChange = { state: taken.to, reason, wanted: instance.wanted, now, ...learned }
    const announce = quiet ? null : taken.announce
    const data = announce === null ? null : eventData(instance, announce, reason, now, codes)
    const stored = inOrder(instance, () =>
      events.write(async (tx, record) => {
        const present = await repository.saveState(tx, instance.id, change)
        if (present && data !== null) await record({ instanceId: instance.id, name: 'instance.state', lane: '', data })
      }),
    )
    stored.catch((error: unknown) => logger.error({ instance: instance.id, state: taken.to, err: error }, 'A state could not be stored'))
    return { edge: taken, stored }
  },
})

const eventData = (
  instance: LiveInstance,
  state: AnnouncedState,
  reason: string,
  now: number,
  codes?: string[],
): Record<string, unknown> => ({
  instance: instance.name,
  state,
  timestamp: rfc3339(now),
  reason,
  ...(instance.numberJid === null || (state !== 'connected' && state !== 'pair_success') ? {} : { jid: instance.numberJid }),
  ...(codes === undefined ? {} : { codes }),
})
