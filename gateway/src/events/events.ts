/** Events: the log, its way out by webhook and WebSocket, and the configuration of both. */
import type { Operation, SocketOperation } from '../http/operation.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Clock } from '../runtime/clock.ts'
import { continueUlids, ulidFloor } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import { type BlobInBucket, noBlobs, type OpenBlob } from './blobs.ts'
import { createInstanceDataOf } from './envelope.ts'
import type { EventLog } from './event.ts'
import { createEventHistory } from './history.ts'
import { createEventLog } from './log.ts'
import { logOperation } from './log-operations.ts'
import { createLogOrder } from './order.ts'
import { createLogReading } from './reading.ts'
import { createRetention } from './retention.ts'
import { createWebhookConfiguration, type WebhookConfiguration } from './webhooks/configuration.ts'
import { createDeliveryWorkers, type SetAlarm } from './webhooks/delivery.ts'
import { deliveryOperations } from './webhooks/delivery-operations.ts'
import { createDeliveryList } from './webhooks/listing.ts'
import { webhookOperations } from './webhooks/operations.ts'
import { createPurge } from './webhooks/purge.ts'
import { createRedelivery } from './webhooks/redelivery.ts'
import { createWebhookRepository } from './webhooks/repository.ts'
import { type DeliveryRules, usualRules } from './webhooks/rules.ts'
import { secretOperations } from './webhooks/secret-operations.ts'
import { createWebhookSecretKeeper } from './webhooks/secrets.ts'
import { createTargets } from './webhooks/targets.ts'
import { createTrial } from './webhooks/trial.ts'
import { closeCodes } from './websocket/client.ts'
import { createWebSocketConfiguration, type WebSocketConfiguration } from './websocket/configuration.ts'
import { createWebSocketHub, type HubLimits, usualHubLimits } from './websocket/hub.ts'
import { webSocketOperations } from './websocket/operations.ts'
import { webSocketRoute } from './websocket/route.ts'

export interface Events extends EventLog {
  operations: readonly Operation[]
  /** For the inline blocks of creation and the summaries of the list. */
  webhooks: WebhookConfiguration
  websocket: WebSocketConfiguration
  /** `/ws/:instance`. */
  socketOperations: readonly SocketOperation[]
  /** Ends what the instance still has here: WebSocket clients (4004), what is remembered of it. */
  instanceDeleted(instanceId: string): void
  /** Closes the WebSocket clients that came with the account's token (4001). */
  accountTokenRevoked(accountId: string): void
  /** WebSocket clients connected now. */
  readonly webSocketClients: number
  /** Webhooks that something is being sent to, and that something waits for. */
  webhooksBusy(): { sending: number; waiting: number }
  /** Takes the log up where an earlier run left it. To be awaited before the first event is written. */
  load(): Promise<void>
  /** Begins to deliver, what an earlier run left included. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface EventSettings {
  baseUrl: string
  /** Whether `instanceData.token` is in clear. */
  eventToken: boolean
  eventRetentionDays: number
  deadLetterRetentionDays: number
  deliveryConcurrency: number
}

interface Collaborators {
  db: Database
  vault: Vault
  clock: Clock
  outbound: Outbound
  logger: Logger
  settings: EventSettings
  /** The TokenInstance in clear. */
  tokenOf(instanceId: string): Promise<string>
  /** The bytes of media, for webhooks that want them; without it, events go without. */
  openBlob?: OpenBlob
  /** Before an event that names a place in a bucket goes to a webhook. */
  blobInBucket?: BlobInBucket
  /** For tests, whose hours are milliseconds. */
  rules?: DeliveryRules
  alarm?: SetAlarm
  hubLimits?: HubLimits
  stopGraceMs?: number
}

/** Requests under way get this long at shutdown; what is cut off is delivered by the next run. */
const STOP_GRACE_MS = 4_000
const DAY_MS = 24 * 60 * 60 * 1000

export const createEvents = (collaborators: Collaborators): Events => {
  const {
    db,
    vault,
    clock,
    outbound,
    logger,
    settings,
    tokenOf,
    openBlob = noBlobs,
    blobInBucket = async () => {},
    alarm,
    rules = usualRules,
    hubLimits = usualHubLimits,
    stopGraceMs = STOP_GRACE_MS,
  } = collaborators
  const repository = createWebhookRepository({ vault, clock })
  const targets = createTargets(repository)
  const { instanceDataOf, forgetInstance } = createInstanceDataOf({
    db,
    baseUrl: settings.baseUrl,
    exposeToken: settings.eventToken,
    tokenOf,
  })
  const order = createLogOrder((event) => {
    hub.announce(event)
    reading.announce(event.instanceId)
  })
  const history = createEventHistory({ db, order, clock })
  const retentionMs = settings.eventRetentionDays * DAY_MS
  const reading = createLogReading({ history, clock, retentionMs })
  const hub = createWebSocketHub({ history, clock, logger, openBlob, limits: hubLimits })
  const workers = createDeliveryWorkers({
    db,
    clock,
    outbound,
    repository,
    targets,
    instanceDataOf,
    openBlob,
    blobInBucket,
    logger,
    concurrency: settings.deliveryConcurrency,
    ...(alarm && { alarm }),
    rules,
  })
  const log = createEventLog({
    db,
    clock,
    targets,
    order,
    wake: workers.wake,
    inDoubt(instanceIds) {
      for (const instanceId of instanceIds) hub.dismissInstance(instanceId, closeCodes.inDoubt)
    },
  })
  const retention = createRetention({
    db,
    clock,
    logger,
    retentionMs,
    deadLetterRetentionMs: settings.deadLetterRetentionDays * DAY_MS,
  })
  const webhooks = createWebhookConfiguration({ db, repository, targets })
  const websocket = createWebSocketConfiguration({ db, vault, changed: hub.reconfigure })

  return {
    write: log.write,
    operations: [
      ...webhookOperations(webhooks),
      ...secretOperations(
        createWebhookSecretKeeper({ db, clock, repository, targets }),
        createTrial({ db, clock, rules, outbound, repository, instanceDataOf }),
      ),
      ...deliveryOperations({
        list: createDeliveryList({ db, repository }),
        redelivery: createRedelivery({ db, clock, repository, wake: workers.wake }),
        purge: createPurge({ db, repository, changed: workers.changed }),
      }),
      ...webSocketOperations(websocket),
      logOperation({ reading, instanceDataOf }),
    ],
    webhooks,
    websocket,
    socketOperations: [webSocketRoute({ hub, configuration: websocket, instanceDataOf })],
    instanceDeleted(instanceId) {
      hub.dismissInstance(instanceId, closeCodes.instanceDeleted)
      targets.forget(instanceId)
      workers.forget(instanceId)
      forgetInstance(instanceId)
    },
    accountTokenRevoked: (accountId) => hub.dismissAccount(accountId, closeCodes.tokenRevoked),
    get webSocketClients() {
      return hub.clients
    },
    webhooksBusy: workers.count,
    load: () => continueIds(db, clock),
    async start() {
      hub.start()
      retention.start()
      await workers.start()
    },
    async stop() {
      reading.stop()
      await Promise.all([hub.stop(), retention.stop(), workers.stop(stopGraceMs)])
    },
  }
}

/** A clock that was set back since the last run by no more than this is made up for; one that was all wrong must not rule for ever. */
const CLOCK_SLACK_MS = 60 * 60 * 1000

/** New ids sort behind those of earlier runs, so that whoever reads on from one of those finds them. */
const continueIds = async (db: Database, clock: Clock): Promise<void> => {
  const newest = await db.read.selectFrom('events').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  if (newest !== undefined && newest.id < ulidFloor(clock.now() + CLOCK_SLACK_MS)) continueUlids(newest.id)
}
