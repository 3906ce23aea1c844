/** What becomes of a delivery after an attempt, stored in one transaction. */
import type { Clock } from '../../runtime/clock.ts'
import type { Logger } from '../../runtime/logging.ts'
import type { Database } from '../../storage/database.ts'
import type { Attempted } from './attempt.ts'
import { deliveryDead, deliveryFailed, releaseLane } from './lanes.ts'
import type { AfterTaken, Ledger, Run } from './ledger.ts'
import type { Delivery } from './outbox.ts'
import type { Target, WebhookRepository } from './repository.ts'
import { type DeliveryRules, type Outcome, waitAfter } from './rules.ts'
import type { Targets } from './targets.ts'

export interface Settled {
  /** What stands in the lane next, for the worker that holds the lane. */
  next: Run | null
  /** When the lane is due again if its worker lets go of it; null = it is empty or unknown. */
  due: number | null
  /** The webhook gets nothing before this. Null = no change. */
  notBefore: number | null
  /** The receiver answers again after it was given up: nothing has to wait for its time any longer. */
  recovered: boolean
}

/** An attempt that did not take place or was abandoned: the lane is given back until then. */
export interface Untried {
  until: number
}

export interface SettlementCollaborators {
  db: Database
  clock: Clock
  repository: WebhookRepository
  targets: Targets
  rules: DeliveryRules
  logger: Logger
}

interface WithLedger extends SettlementCollaborators {
  ledger: Ledger
}

/** `target` as it is configured now; null: the webhook is no longer enabled. `after`: if it was taken. */
type Settlement = (delivery: Delivery, result: Attempted | Untried, target: Target | null, after: AfterTaken) => Promise<Settled>

export const createSettlement = ({ db, clock, repository, targets, rules, logger, ledger }: WithLedger): Settlement => {
  const untried = async (delivery: Delivery, until: number): Promise<Settled> => {
    await db.write((tx) => releaseLane(tx, delivery, until))
    return { next: null, due: until, notBefore: null, recovered: false }
  }

  const taken = async (delivery: Delivery, attempted: Attempted, target: Target | null, after: AfterTaken): Promise<Settled> => {
    const failures = target?.failures ?? 0
    const next = await ledger.taken(delivery, attempted, { failuresOver: failures > 0, after })
    if (target !== null) target.failures = 0
    const recovered = failures >= rules.probeAfter
    return { next, due: after === 'release' ? clock.now() : null, notBefore: recovered ? 0 : null, recovered }
  }

  const gone = async (delivery: Delivery, attempted: Attempted, target: Target): Promise<Settled> => {
    const now = clock.now()
    await db.write(async (tx) => {
      await deliveryDead(tx, delivery, attempted, now)
      await repository.disable(tx, target.id)
    })
    targets.forget(target.instanceId)
    logger.warn({ webhook: target.id, instance: target.instanceId }, 'Webhook disabled: its receiver answered 410')
    // Due at once: the worker finds the webhook switched off and retires what waits for it.
    return { next: null, due: now, notBefore: null, recovered: false }
  }

  const failed = async (
    delivery: Delivery,
    attempted: Attempted,
    { retryAfterMs, status, error }: Outcome & { kind: 'failed' },
    target: Target,
  ): Promise<Settled> => {
    const now = clock.now()
    const attempts = delivery.attempts + 1
    // Counted before the write, since several lanes of one webhook fail at once.
    target.failures++
    const failures = target.failures
    const wait = waitAfter(rules, attempts, retryAfterMs, Math.random())
    const due = now + (wait ?? 0)
    await db.write(async (tx) => {
      await repository.setFailures(tx, target.id, failures)
      if (wait === null) await deliveryDead(tx, delivery, attempted, now)
      else await deliveryFailed(tx, delivery, attempted, due)
    })
    logger.debug({ webhook: target.id, event: delivery.eventId, status, error, attempts }, 'Webhook delivery failed')
    const askedFor = Math.min(retryAfterMs ?? 0, rules.longestRetryAfterMs)
    const pause = Math.max(askedFor, failures >= rules.probeAfter ? rules.probeEveryMs : 0)
    return { next: null, due, notBefore: pause > 0 ? now + pause : null, recovered: false }
  }

  return (delivery, result, target, after) => {
    if ('until' in result) return untried(delivery, result.until)
    const { outcome } = result
    if (outcome.kind === 'taken') return taken(delivery, result, target, after)
    // What the receiver of former times said is nothing to hold against the one of today, who gets its chance at once.
    if (target === null || !sameReceiver(target, result.target)) return untried(delivery, clock.now())
    return outcome.kind === 'gone' ? gone(delivery, result, target) : failed(delivery, result, outcome, target)
  }
}

const sameReceiver = (a: Target, b: Target): boolean => a.url === b.url && a.authorization === b.authorization && a.byEvents === b.byEvents
