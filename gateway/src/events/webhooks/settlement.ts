/** What becomes of a delivery after an attempt, stored in one transaction. */
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logging.ts'
import type { Database } from '../../storage/database.ts'
import { type Delivery, deliveryDead, deliveryFailed, deliveryTaken, hurryLanes, releaseLane, retireWebhook } from './lanes.ts'
import type { Target, WebhookRepository } from './repository.ts'
import { type DeliveryRules, type Outcome, waitAfter } from './rules.ts'
import type { Targets } from './targets.ts'

export interface Settled {
  /** The lane's next delivery, for the worker that holds the lane. */
  next: Delivery | null
  /** When the lane is due again if its worker lets go of it; null = it is empty or unknown. */
  due: number | null
  /** The webhook gets nothing before this. Null = no change. */
  notBefore: number | null
  /** Everything that waits for this webhook has become due. */
  hurried: boolean
}

export interface SettlementCollaborators {
  db: Database
  clock: Clock
  repository: WebhookRepository
  targets: Targets
  rules: DeliveryRules
  logger: Logger
}

type Settlement = (delivery: Delivery, outcome: Outcome | null, target: Target | null) => Promise<Settled>

/** `outcome` null: the attempt did not take place or was abandoned. `target` null: the webhook is no longer enabled. */
export const createSettlement = ({ db, clock, repository, targets, rules, logger }: SettlementCollaborators): Settlement => {
  const untried = async (delivery: Delivery): Promise<Settled> => {
    const now = clock.now()
    await db.write((tx) => releaseLane(tx, delivery, now))
    return { next: null, due: now, notBefore: null, hurried: false }
  }

  const taken = async (delivery: Delivery, target: Target): Promise<Settled> => {
    const now = clock.now()
    const recovered = target.failures >= rules.probeAfter
    const failedBefore = target.failures > 0
    const next = await db.write(async (tx) => {
      if (failedBefore) await repository.setFailures(tx, target.id, 0)
      if (recovered) await hurryLanes(tx, target.id, now)
      return deliveryTaken(tx, delivery, now + rules.leaseMs)
    })
    target.failures = 0
    return { next, due: null, notBefore: recovered ? 0 : null, hurried: recovered }
  }

  const gone = async (delivery: Delivery, target: Target, { status, error }: { status: number; error: string }): Promise<Settled> => {
    const now = clock.now()
    await db.write(async (tx) => {
      await deliveryDead(tx, delivery, { status, error, now })
      await repository.disable(tx, target.id)
      await retireWebhook(tx, target.id)
    })
    targets.forget(target.instanceId)
    logger.warn({ webhook: target.id, instance: target.instanceId }, 'Webhook disabled: its receiver answered 410')
    return { next: null, due: null, notBefore: null, hurried: false }
  }

  const failed = async (delivery: Delivery, target: Target, outcome: Outcome & { kind: 'failed' }): Promise<Settled> => {
    const now = clock.now()
    const attempts = delivery.attempts + 1
    // Counted before the write, since several lanes of one webhook fail at once.
    target.failures++
    const failures = target.failures
    const wait = waitAfter(rules, attempts, outcome.retryAfterMs, Math.random())
    const due = now + (wait ?? 0)
    await db.write(async (tx) => {
      await repository.setFailures(tx, target.id, failures)
      if (wait === null) await deliveryDead(tx, delivery, { ...outcome, now })
      else await deliveryFailed(tx, delivery, { ...outcome, nextAttemptAt: due })
    })
    logger.debug(
      { webhook: target.id, event: delivery.eventId, status: outcome.status, error: outcome.error, attempts },
      'Webhook delivery failed',
    )
    const askedFor = Math.min(outcome.retryAfterMs ?? 0, rules.longestRetryAfterMs)
    const pause = Math.max(askedFor, failures >= rules.probeAfter ? rules.probeEveryMs : 0)
    return { next: null, due, notBefore: pause > 0 ? now + pause : null, hurried: false }
  }

  return (delivery, outcome, target) => {
    if (outcome === null || target === null) return untried(delivery)
    if (outcome.kind === 'taken') return taken(delivery, target)
    return outcome.kind === 'gone' ? gone(delivery, target, outcome) : failed(delivery, target, outcome)
  }
}
