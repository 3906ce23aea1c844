/** What became of deliveries: the attempt that was taken, and the newest ones that failed. Goes with age (../retention.ts). */
import type { Writer } from '../../storage/database.ts'
import type { Attempted } from './attempt.ts'

interface Delivery {
  webhookId: string
  eventId: string
  instanceId: string
  /** Failed so far, since it was added or redelivered. */
  attempts: number
  /** Failed before the last redelivery. */
  earlierAttempts: number
}

/** Failed attempts kept per delivery: two rounds of the usual ten. */
export const KEPT_ATTEMPTS = 20

export const noteFailedAttempt = async (tx: Writer, delivery: Delivery, { outcome, at, durationMs, answer }: Attempted): Promise<void> => {
  const number = delivery.earlierAttempts + delivery.attempts + 1
  const attempt = {
    at,
    duration_ms: durationMs,
    status: outcome.status,
    error: outcome.kind === 'taken' ? '' : outcome.error,
    answer,
  }
  await tx
    .insertInto('failed_attempts')
    .values({ webhook_id: delivery.webhookId, event_id: delivery.eventId, number, instance_id: delivery.instanceId, ...attempt })
    .onConflict((conflict) => conflict.columns(['webhook_id', 'event_id', 'number']).doUpdateSet(attempt))
    .execute()
  if (number <= KEPT_ATTEMPTS) return
  await tx
    .deleteFrom('failed_attempts')
    .where('webhook_id', '=', delivery.webhookId)
    .where('event_id', '=', delivery.eventId)
    .where('number', '<=', number - KEPT_ATTEMPTS)
    .execute()
}
