/**
 * Instances: their life cycle, their configuration, their operations. Start reading in `life-cycle.ts` (the states), go on with
 * `connections.ts` (the session of an instance), `supervisor.ts` (what comes back by itself) and `deletion.ts`.
 */
import type { EventLog } from '../events/event.ts'
import { errors } from '../http/errors.ts'
import type { Operation } from '../http/operation.ts'
import type { AddressGuard } from '../outbound/address-guard.ts'
import { createBoundedMap } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { Address, EngineEvent, EngineFactory, EngineSession, IdentityStore, SessionStore } from '../whatsapp/engine.ts'
import type { WireMessage } from '../whatsapp/wire.ts'
import { createActingSettings, type SendText } from './acting-settings.ts'
import { createConfigurationRepository } from './configuration-repository.ts'
import { connectOperation } from './connect.ts'
import { createConnections, gatewayStops } from './connections.ts'
import { createOperation } from './create.ts'
import { deleteOperation } from './delete.ts'
import { createDeletion, type DeletionStep } from './deletion.ts'
import { createFarewell } from './farewell.ts'
import type { Instance } from './instance.ts'
import { createInstanceRepository } from './instance-repository.ts'
import type { IntegrationBlocks } from './integration-blocks.ts'
import { defaultLimits, type LifeCycleLimits } from './life-cycle.ts'
import { listOperation } from './list.ts'
import { logoutOperation } from './logout.ts'
import { metricsOperation } from './metrics.ts'
import { createMetricsRepository } from './metrics-repository.ts'
import { createProfileKeeper } from './profile.ts'
import { proxyOperations, storedProxy } from './proxy.ts'
import { reconnectOperation } from './reconnect.ts'
import { createRegistry, type LiveInstance } from './registry.ts'
import { type BucketChecks, type S3Configuration, s3Operations, storedS3 } from './s3.ts'
import { settingsOperations } from './settings.ts'
import { defaultSettings, type InstanceSettings, instanceSettings } from './settings-values.ts'
import { createStateChanges } from './state-changes.ts'
import { createSupervisor } from './supervisor.ts'

export interface Instances {
  readonly operations: readonly Operation[]
  byTokenHash(tokenHash: string): Promise<Instance | null>
  byName(accountId: string, name: string): Promise<Instance | null>
  byId(instanceId: string): Instance | null
  /** The open session. Throws 503 `Instance is not connected to WhatsApp`, 404 when the instance is gone. */
  session(instanceId: string): EngineSession
  /** The open session, null when there is none. */
  openSession(instanceId: string): EngineSession | null
  /** The own address as WhatsApp knows it; both null before the first connect, and when the instance is gone. */
  self(instanceId: string): Address
  /** The defaults when the instance is gone. */
  settingsOf(instanceId: string): InstanceSettings
  /** Its S3 bucket, null when it has none. Throws when the configuration cannot be opened. */
  s3Of(instanceId: string): Promise<S3Configuration | null>
  /** The TokenInstance in clear. Throws 404 when the instance is gone. */
  tokenOf(instanceId: string): Promise<string>
  /** Hands over every event of every session, in order per instance, after the life cycle has seen it; the next one waits. */
  listen(listener: (instance: Instance, event: EngineEvent) => Promise<void>): void
  /** Called when nothing of the instance is in the database any more, before the deletion is answered. */
  onDeleted(listener: (instanceId: string) => void): void
  /** Deletes every instance of an account, as its owner would. */
  deleteAllOf(accountId: string): Promise<void>
  /** How many instances are in each state, for the metrics. */
  countByState(): Record<string, number>
  /** Reads every instance into memory, for those who need to know them before anything connects. */
  load(): Promise<void>
  /** Loads, if that has not happened, finishes interrupted deletions and connects what is wanted; the latter two go on after this resolves. */
  start(): Promise<void>
  /** Closes every session without logging out. */
  stop(): Promise<void>
}

export interface InstancesCollaborators {
  db: Database
  vault: Vault
  /** Loads it when it is first needed. */
  engine(): Promise<EngineFactory>
  events: EventLog
  /** Webhook and WebSocket configuration. */
  blocks: IntegrationBlocks
  sessionStoreOf(instanceId: string): SessionStore
  identitiesOf(instanceId: string): IdentityStore
  /** Left out: buckets are only stored. */
  buckets?: BucketChecks
  /** Looks at the addresses of proxies. */
  proxyGuard: AddressGuard
  /** For peers that ask for a message again. */
  storedMessage(instanceId: string, messageId: string): Promise<WireMessage | null>
  /** Sends and records a text, for rejected callers. */
  sendText: SendText
  clock: Clock
  logger: Logger
  settings: { connectConcurrency: number }
  /** For tests, whose minutes are milliseconds. */
  limits?: Partial<LifeCycleLimits>
  random?: () => number
  onDeletionStep?(step: DeletionStep, instanceId: string): void | Promise<void>
}

export const createInstances = (collaborators: InstancesCollaborators): Instances => {
  const { db, vault, engine, events, blocks, sessionStoreOf, identitiesOf, proxyGuard, clock, settings, random } = collaborators
  const logger = collaborators.logger.child({ part: 'instances' })
  const limits = { ...defaultLimits, ...collaborators.limits }
  const registry = createRegistry()
  const repository = createInstanceRepository({ db, vault })
  const configurations = createConfigurationRepository({ db, vault })
  const changes = createStateChanges({ repository, events, clock, logger })
  const keepProfile = createProfileKeeper({ db, repository, logger })
  const act = createActingSettings({ sendText: collaborators.sendText, clock, logger })
  const stopping = new AbortController()
  const tokens = createBoundedMap<string, string>(1_000)
  const listeners: ((instance: Instance, event: EngineEvent) => Promise<void>)[] = []
  const deletionListeners: ((instanceId: string) => void)[] = []

  const hand = async (instance: LiveInstance, event: EngineEvent) => {
    for (const listener of listeners) {
      try {
        await listener(instance, event)
      } catch (error) {
        // The session goes on: a message waits in the inbox for the recorder's next pass.
        logger.error({ instance: instance.id, event: event.type, err: error }, 'An event was not taken')
      }
    }
    await keepProfile(instance, event)
    act(instance, event)
  }

  const supervisor = createSupervisor({
    registry,
    connections: () => connections,
    concurrency: settings.connectConcurrency,
    limits,
    logger,
    random,
  })
  const connections = createConnections({
    engine,
    sessionStoreOf,
    identitiesOf,
    proxyOf: (instanceId) => configurations.find(instanceId, 'proxy', storedProxy),
    storedMessage: collaborators.storedMessage,
    changes,
    hand,
    onEnded: supervisor.sessionEnded,
    stopping: stopping.signal,
    limits,
    clock,
    logger,
  })
  const farewell = createFarewell({ connections, limits })
  const deletion = createDeletion({
    db,
    repository,
    registry,
    connections,
    farewell,
    supervisor,
    sessionStoreOf,
    forget(instanceId) {
      tokens.delete(instanceId)
      for (const listener of deletionListeners) listener(instanceId)
    },
    onStep: collaborators.onDeletionStep ?? (() => {}),
    stopping: stopping.signal,
    limits,
    clock,
    logger,
  })

  let loaded: Promise<void> | null = null
  const load = () => {
    loaded ??= (async () => {
      await db.write((tx) => repository.settleAfterRestart(tx))
      const [records, settingsById] = await Promise.all([repository.load(), configurations.all('settings', instanceSettings)])
      for (const record of records) registry.add(record, settingsById.get(record.id))
    })()
    return loaded
  }

  return {
    operations: [
      createOperation({ db, repository, configurations, registry, blocks, proxyGuard, clock, logger }),
      listOperation({ repository, configurations, registry, blocks }),
      connectOperation({ registry, connections, limits, clock }),
      reconnectOperation({ registry, connections, sessionStoreOf }),
      logoutOperation({ registry, connections, changes, farewell, supervisor, sessionStoreOf, hand, stopping: stopping.signal }),
      deleteOperation({ registry, deletion }),
      ...settingsOperations({ db, configurations, registry, logger }),
      ...s3Operations({ db, configurations, registry, buckets: collaborators.buckets ?? noBuckets }),
      ...proxyOperations({ db, configurations, registry, guard: proxyGuard }),
      metricsOperation({ registry, repository: createMetricsRepository({ db }), clock }),
    ],

    byTokenHash: async (hash) => registry.byTokenHash(hash),
    byName: async (accountId, name) => registry.byName(accountId, name),
    byId: registry.byId,
    self: (instanceId) => {
      const instance = registry.byId(instanceId)
      return { jid: instance?.numberJid ?? null, lid: instance?.lid ?? null }
    },
    settingsOf: (instanceId) => registry.byId(instanceId)?.settings ?? defaultSettings,

    session(instanceId) {
      const instance = registry.byId(instanceId)
      if (instance === null) throw errors.instanceNotFound()
      if (instance.state !== 'connected' || instance.attempt === null) throw errors.notConnected()
      return instance.attempt.session
    },

    openSession(instanceId) {
      const instance = registry.byId(instanceId)
      return instance?.state === 'connected' ? (instance.attempt?.session ?? null) : null
    },

    s3Of: (instanceId) => configurations.find(instanceId, 's3', storedS3),

    async tokenOf(instanceId) {
      const known = tokens.get(instanceId)
      if (known !== undefined) return known
      const token = await repository.token(instanceId)
      if (token === null) throw errors.instanceNotFound()
      // Remembered only for those that live: it would never be forgotten otherwise.
      if (registry.byId(instanceId) !== null) tokens.set(instanceId, token)
      return token
    },

    listen: (listener) => void listeners.push(listener),
    onDeleted: (listener) => void deletionListeners.push(listener),

    async deleteAllOf(accountId) {
      await Promise.all(registry.ofAccount(accountId).map((instance) => deletion.remove(instance)))
      await deletion.finishAll(accountId)
    },

    countByState() {
      const counts: Record<string, number> = {}
      for (const { state } of registry.all()) counts[state] = (counts[state] ?? 0) + 1
      return counts
    },

    load,

    async start() {
      await load()
      deletion.finishAll().catch((error: unknown) => logger.error({ err: error }, 'Deletions of the last run could not be finished yet'))
      supervisor.start()
    },

    async stop() {
      stopping.abort()
      supervisor.stop()
      await deletion.stop()
      await Promise.all(
        [...registry.all()].map(async (instance) => {
          const attempt = connections.detach(instance, gatewayStops)
          if (attempt !== null) await connections.stop(attempt)
          await instance.stored
        }),
      )
    },
  }
}

const noBuckets: BucketChecks = { verify: async () => null, trouble: () => null, changed: async () => {} }
