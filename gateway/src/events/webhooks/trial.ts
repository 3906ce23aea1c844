/** A test event: posted to one webhook at once, by its owner's wish. It is in no log, counts nothing and changes nothing. */

import { errors } from '../../http/errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { ulid } from '../../runtime/ids.ts'
import { envelope, type InstanceDataOf } from '../envelope.ts'
import { type Attempted, attemptDelivery } from './attempt.ts'
import type { Target, WebhookRepository } from './repository.ts'
import type { SettlementCollaborators } from './settlement.ts'
import { webhookDisabled, webhookNotFound } from './webhook.ts'

/** With `byEvents` it ends the path, as the events of the catalogue do. */
export const TEST_EVENT = 'webhook.test'

export interface Trial {
  eventId: string
  attempted: Attempted
}

/** Throws 404 when there is no webhook of this label, 400 when it is disabled. */
export type TryWebhook = (instanceId: string, label: string, signal: AbortSignal) => Promise<Trial>

interface Collaborators extends Pick<SettlementCollaborators, 'db' | 'clock' | 'rules'> {
  outbound: Outbound
  repository: WebhookRepository
  instanceDataOf: InstanceDataOf
}

export const createTrial =
  ({ db, clock, rules, outbound, repository, instanceDataOf }: Collaborators): TryWebhook =>
  async (instanceId, label, signal) => {
    const target = await enabledTarget(repository, db, instanceId, label)
    const instanceData = await instanceDataOf(instanceId)
    if (instanceData === null) throw errors.instanceNotFound()
    const createdAt = clock.now()
    const eventId = ulid(createdAt)
    const data = JSON.stringify({ label, text: 'A test event of RyzeAPI' })
    const body = envelope({ id: eventId, name: TEST_EVENT, data, createdAt }, instanceData)
    const attempted = await attemptDelivery(
      { outbound, clock, rules },
      { target, event: TEST_EVENT, eventId, body: async () => body, otherwise: null, signal },
    )
    return { eventId, attempted }
  }

const enabledTarget = async (
  repository: WebhookRepository,
  db: Collaborators['db'],
  instanceId: string,
  label: string,
): Promise<Target> => {
  const [key] = await repository.keys(db.read, instanceId, label)
  if (key === undefined) throw webhookNotFound()
  const target = (await repository.targets(db.read, instanceId)).find(({ id }) => id === key.id)
  if (target === undefined) throw webhookDisabled()
  return target
}
