/** Configuring and reading webhooks (core.md §4.1, §4.2). */
import { ApiError, errors } from '../../http/errors.ts'
import type { Database, Writer } from '../../storage/database.ts'
import { retireWebhook } from './lanes.ts'
import type { WebhookRepository } from './repository.ts'
import type { Targets } from './targets.ts'
import { MAX_ENABLED, MAX_STORED, toWebhook, type Webhook, type WebhookBody, webhookNotFound } from './webhook.ts'

export interface WebhookConfiguration {
  /** Writes the webhook of the body's label over the one there was. Throws 400 for what cannot be, 404 when the instance is gone. */
  configure(instanceId: string, body: WebhookBody): Promise<Webhook>
  /** Enabled and disabled, alphabetical by label. */
  all(instanceId: string): Promise<Webhook[]>
  /** Throws 404 when there is none of this label. */
  find(instanceId: string, label: string): Promise<Webhook>
}

interface Collaborators {
  db: Database
  repository: WebhookRepository
  targets: Targets
}

export const createWebhookConfiguration = ({ db, repository, targets }: Collaborators): WebhookConfiguration => ({
  async configure(instanceId, body) {
    const webhook = toWebhook(body)
    const id = await db.write(async (tx) => {
      await lockInstance(tx, instanceId)
      const others = await repository.others(tx, instanceId, webhook.label)
      if (webhook.enabled && others.enabled >= MAX_ENABLED) {
        throw new ApiError(400, `Maximum of ${MAX_ENABLED} enabled webhooks per instance`)
      }
      if (others.stored >= MAX_STORED) throw new ApiError(400, `Maximum of ${MAX_STORED} webhooks per instance`)
      return repository.save(tx, instanceId, webhook)
    })
    targets.forget(instanceId)
    if (!webhook.enabled) await retireWebhook(db, id)
    return webhook
  },
  all: (instanceId) => repository.all(db.read, instanceId),
  async find(instanceId, label) {
    const webhook = await repository.find(db.read, instanceId, label)
    if (webhook === null) throw webhookNotFound()
    return webhook
  },
})

// Two configurations at once must count each other: the second waits for the first on the instance's row. An update that changes
// nothing locks it on both databases.
const lockInstance = async (tx: Writer, instanceId: string): Promise<void> => {
  const locked = await tx
    .updateTable('instances')
    .set((row) => ({ updated_at: row.ref('updated_at') }))
    .where('id', '=', instanceId)
    .executeTakeFirst()
  if (locked.numUpdatedRows === 0n) throw errors.instanceNotFound()
}
