/** Throwing away deliveries that nobody wants any more; a few at a time, so that nobody waits long. */
import type { Database, Writer } from '../../storage/database.ts'
import { inEventOrder } from './event-order.ts'
import type { DeliveryState } from './listing.ts'
import { idBefore } from './redelivery.ts'
import type { WebhookRepository } from './repository.ts'
import { webhookNotFound } from './webhook.ts'

export interface PurgeQuery {
  label?: string | undefined
  state: DeliveryState
  /** Events before this time, milliseconds. */
  before?: number | undefined
}

/** `more`: that was as much as one call does. Throws 404 for an unknown label. */
export type PurgeDeliveries = (instanceId: string, query: PurgeQuery) => Promise<{ count: number; more: boolean }>

interface Collaborators {
  db: Database
  repository: WebhookRepository
  /** Called when something was taken away from these webhooks. */
  changed?(webhookIds: readonly string[]): void
  /** For tests: how much one call does. */
  mostPerCall?: number
}

const MOST_PER_CALL = 10_000
/** Rows per transaction. */
const CHUNK = 500

export const createPurge =
  ({ db, repository, changed = () => {}, mostPerCall = MOST_PER_CALL }: Collaborators): PurgeDeliveries =>
  async (instanceId, { label, state, before }) => {
    const webhooks = await repository.keys(db.read, instanceId, label)
    if (label !== undefined && webhooks.length === 0) throw webhookNotFound()
    let count = 0
    for (const { id } of webhooks) {
      for (;;) {
        const room = Math.min(CHUNK, mostPerCall - count)
        if (room === 0) return { count, more: true }
        const removed = await db.write((tx) => purgeSome(tx, id, state, before, room))
        if (removed > 0) changed([id])
        count += removed
        if (removed < room) break
      }
    }
    return { count, more: false }
  }

/** Gives how many. */
const purgeSome = async (
  tx: Writer,
  webhookId: string,
  state: DeliveryState,
  before: number | undefined,
  limit: number,
): Promise<number> => {
  const most = idBefore(before)
  const rows =
    state === 'delivered'
      ? await tx
          .selectFrom('delivered')
          .select('event_id')
          .where('webhook_id', '=', webhookId)
          .where('event_id', '<=', most)
          .orderBy('event_id')
          .limit(limit)
          .execute()
      : await tx
          .selectFrom('deliveries')
          .select('event_id')
          .where(inEventOrder(webhookId))
          .where('state', '=', state)
          .where('event_id', '<=', most)
          .orderBy('event_id')
          .limit(limit)
          .execute()
  const ids = rows.map((row) => row.event_id)
  if (ids.length === 0) return 0
  if (state === 'delivered') await tx.deleteFrom('delivered').where('webhook_id', '=', webhookId).where('event_id', 'in', ids).execute()
  else {
    await tx.deleteFrom('deliveries').where(inEventOrder(webhookId)).where('state', '=', state).where('event_id', 'in', ids).execute()
  }
  await tx.deleteFrom('failed_attempts').where('webhook_id', '=', webhookId).where('event_id', 'in', ids).execute()
  return ids.length
}
