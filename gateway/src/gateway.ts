/**
 * Composition root: builds every part once, in order, and hands each its collaborators; what was built is closed in reverse. Nothing
 * else knows how the parts are put together.
 */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createAccounts } from './accounts/accounts.ts'
import { runAccountsCommand } from './accounts/command-line.ts'
import { accountOperations } from './accounts/operations.ts'
import { createCalls } from './calls/calls.ts'
import { createChats } from './chats/chats.ts'
import { createCommunitiesFeature } from './communities/communities.ts'
import { createEvents } from './events/events.ts'
import { createGroups } from './groups/groups.ts'
import { inviteMessage } from './groups/invite-message.ts'
import { documentationPages } from './http/documentation.ts'
import { createHealth } from './http/health.ts'
import { createIdempotency } from './http/idempotency.ts'
import { createIdempotencyTable } from './http/idempotency-table.ts'
import { createMetrics } from './http/metrics.ts'
import { asFarAsSupported, notBuiltOperations } from './http/not-built.ts'
import type { Operation, SocketOperation } from './http/operation.ts'
import { createHttpServer } from './http/server.ts'
import { createSpool } from './http/spool.ts'
import { createInstances, type Instances } from './instances/instances.ts'
import { renameLabeled } from './labels/label-repository.ts'
import { createLabels } from './labels/labels.ts'
import { createMedia } from './media/create-media.ts'
import type { Media } from './media/media.ts'
import { outgoingText } from './messages/kinds/text.ts'
import { createMessages, type Messages } from './messages/messages.ts'
import { createNewslettersFeature } from './newsletters/newsletters.ts'
import { createAddressGuard } from './outbound/address-guard.ts'
import { AllowListError, parseAllowList } from './outbound/allow-list.ts'
import { createOutbound } from './outbound/outbound.ts'
import { createProfileFeature } from './profile/profile.ts'
import { systemClock as clock } from './runtime/clock.ts'
import type { Logger } from './runtime/logging.ts'
import { type Phase, shutDown } from './runtime/shutdown.ts'
import { type Settings, SettingsError } from './settings.ts'
import { holdDataDirectory } from './storage/data-directory.ts'
import { openDatabase } from './storage/open.ts'
import { openVault } from './storage/vault.ts'
import { parseNetwork, type WhatsAppNetwork } from './whatsapp/adapters/baileys/network.ts'
import { baileysOnDemand, type EngineOnDemand } from './whatsapp/adapters/baileys/on-demand.ts'
import { DatabaseIdentityStore } from './whatsapp/identities.ts'
import { DatabaseSessionStore } from './whatsapp/session-store.ts'

export interface Gateway {
  port: number
  /** The first account's token, to be shown this once; null when there is nothing to show. */
  newToken: string | null
  operations: readonly Operation[]
  sockets: readonly SocketOperation[]
  /** Stops everything in order, within ten seconds. */
  close(): Promise<void>
}

/** Runs until `close`. Throws when a part can't be opened, after closing those that were. */
export const createGateway = (settings: Settings, logger: Logger): Promise<Gateway> =>
  building(logger, async (closing) => {
    checkAllowList(settings)
    const store = await openStore(settings, logger, closing)
    const { newToken } = await store.accounts.start()
    const features = await openFeatures(settings, logger, store, closing)
    const { port, operations, sockets } = await openHttp(settings, logger, store, features, closing)
    await features.instances.start()
    logger.info({ port }, 'listening')
    let closed: Promise<unknown> | null = null
    return {
      port,
      newToken,
      operations,
      sockets,
      close: async () => {
        closed ??= shutDown(closing, logger)
        await closed
      },
    }
  })

/** One command of `npm start -- accounts`, on the data of a gateway that is not running. Gives the lines to print. */
export const administerAccounts = (settings: Settings, logger: Logger, args: readonly string[]): Promise<string[]> =>
  building(logger, async (closing) => {
    const store = await openStore(settings, logger, closing)
    await store.accounts.start()
    // Deleting an account deletes its instances, and those are logged out of WhatsApp.
    if (args[0] === 'delete') await openFeatures(settings, logger, store, closing)
    const lines = await runAccountsCommand(store.accounts, args)
    await shutDown(closing, logger)
    return lines
  })

/** The phases of shutting down; whoever opens something puts its closing in front. */
type Closing = Phase[]

const building = async <T>(logger: Logger, build: (closing: Closing) => Promise<T>): Promise<T> => {
  const closing: Closing = []
  try {
    return await build(closing)
  } catch (error) {
    await shutDown(closing, logger)
    throw error
  }
}

/** What a host or a network is, only outbound/ knows; that it is a setting, only here. */
const checkAllowList = ({ outboundAllow }: Settings): void => {
  try {
    parseAllowList(outboundAllow)
  } catch (error) {
    if (!(error instanceof AllowListError)) throw error
    throw new SettingsError(`OUTBOUND_ALLOW: ${error.message}; allowed: a comma-separated list of these`)
  }
}

type Store = Awaited<ReturnType<typeof openStore>>
type Features = Awaited<ReturnType<typeof openFeatures>>

const openStore = async (settings: Settings, logger: Logger, closing: Closing) => {
  const { dataDir } = settings
  const held = holdDataDirectory(dataDir)
  closing.unshift({ name: 'data folder', limitMs: 100, run: () => held.release() })
  const db = await openDatabase({ dataDir, databaseUrl: settings.databaseUrl ?? undefined, logger })
  closing.unshift({ name: 'database', limitMs: 1000, run: () => db.close() })
  const vault = await openVault({
    db,
    dataDir,
    encryptionKey: settings.encryptionKey ?? undefined,
    previousKeys: [...settings.previousEncryptionKeys],
  })
  return { db, vault, accounts: createAccounts({ db, clock, settings }) }
}

/**
 * Instances, messages and events. They need each other: an instance reports to messages and events, a rejected call is answered with a
 * message, an event carries the instance's token. What is needed of a part that is made later is asked for when it is used.
 */
const openFeatures = async (settings: Settings, logger: Logger, { db, vault, accounts }: Store, closing: Closing) => {
  const outbound = createOutbound({ allow: settings.outboundAllow, logger })
  closing.unshift({ name: 'outbound', limitMs: 500, run: () => outbound.close() })
  const proxyGuard = createAddressGuard({ allow: settings.outboundAllow, logger })
  const engine = await findEngine(settings, logger)
  const spool = createSpool(settings.dataDir)
  const identitiesOf = (instanceId: string) => new DatabaseIdentityStore(db, instanceId)

  const events = createEvents({
    db,
    vault,
    clock,
    outbound,
    logger,
    settings,
    tokenOf: (instanceId) => instances.tokenOf(instanceId),
    openBlob: (instanceId, blob) => media.open(instanceId, blob),
    blobInBucket: (instanceId, blob) => media.settled(instanceId, blob),
  })
  const media: Media = createMedia({
    db,
    vault,
    clock,
    logger,
    outbound,
    settings,
    sessionOf: (instanceId) => instances.openSession(instanceId),
    bucketOf: (instanceId) => instances.s3Of(instanceId),
    instanceName: (instanceId) => instances.byId(instanceId)?.name ?? null,
  })
  const instances: Instances = createInstances({
    db,
    vault,
    engine: engine.load,
    events,
    blocks: events,
    buckets: media.buckets,
    sessionStoreOf: (instanceId) => new DatabaseSessionStore(db, vault, instanceId),
    identitiesOf,
    proxyGuard,
    storedMessage: (instanceId, messageId) => messages.storedMessage(instanceId, messageId),
    sendText: async (instance, to, message) => {
      const compose = { check: () => {}, compose: outgoingText.compose.bind(null, { message }) }
      await messages.sender.send(instance, { number: to.jid ?? to.lid }, compose)
    },
    clock,
    logger,
    settings,
  })
  const messages: Messages = createMessages({
    db,
    vault,
    clock,
    logger,
    outbound,
    engine: engine.load,
    instances,
    events,
    identitiesOf,
    media,
    unreadablePatienceMs: settings.unreadableMessageSeconds * 1000,
    chatJoined: (tx, instanceId, { lid, jid }) => renameLabeled(tx, instanceId, lid, jid),
  })

  const groups = createGroups({
    instances,
    media,
    sendInvite: async (instance, to, invite, seed) => {
      const message = inviteMessage(invite)
      const compose = { check: () => {}, compose: async () => ({ message, messageType: 'group_invite', content: invite.group.name }) }
      await messages.sender.send(instance, { number: to.jid ?? to.lid }, compose, seed)
    },
  })

  const communities = createCommunitiesFeature({ instances, picture: async (source) => (await media.profilePicture(source)).full })

  const labels = createLabels({ db, events, clock })
  const chats = createChats({
    db,
    clock,
    session: (instanceId) => instances.session(instanceId),
    messages,
    labels,
    removeMedia: (instanceId, chat) => media.remove(instanceId, chat),
    logger,
  })

  const profile = createProfileFeature({
    session: (instanceId) => instances.session(instanceId),
    self: (instanceId) => instances.self(instanceId),
    find: messages.chatOf,
    personOf: messages.personOf,
    picture: async (source) => (await media.profilePicture(source)).full,
  })

  const calls = createCalls({ session: (instanceId) => instances.session(instanceId), find: messages.chatOf, logger })

  const newsletters = createNewslettersFeature({
    session: (instanceId) => instances.openSession(instanceId),
    picture: async (source) => (await media.profilePicture(source)).full,
    logger,
  })

  instances.listen(messages.handle)
  instances.listen(labels.handle)
  instances.listen(async (instance, event) => {
    if (event.type === 'open') media.connected(instance.id)
  })
  instances.onDeleted(engine.forget)
  instances.onDeleted(messages.instanceDeleted)
  instances.onDeleted(events.instanceDeleted)
  instances.onDeleted(media.instanceDeleted)
  accounts.onDelete((account) => instances.deleteAllOf(account.id))
  accounts.onRevoked(events.accountTokenRevoked)

  closing.unshift({ name: 'search index', limitMs: 500, run: () => chats.indexer.stop() })
  closing.unshift({ name: 'media', limitMs: 1000, run: () => media.stop() })
  closing.unshift({ name: 'recorder', limitMs: 1000, run: () => messages.stop() })
  closing.unshift({ name: 'sessions', limitMs: 2000, run: () => instances.stop() })
  await events.load()
  await instances.load()
  await spool.open()
  await messages.start()
  await media.start()
  chats.indexer.start()
  const { capabilities } = engine
  return { events, instances, media, messages, groups, communities, chats, profile, calls, newsletters, spool, capabilities }
}

const openHttp = async (settings: Settings, logger: Logger, { db, vault, accounts }: Store, features: Features, closing: Closing) => {
  const { events, instances, media, messages, groups, communities, chats, profile, calls, newsletters, spool, capabilities } = features
  const version = await ownVersion()
  const health = createHealth({ clock, logger, version })
  health.registerCheck('db', () => db.check())
  health.registerNote('ffmpeg', () => media.ffmpegState())
  const metrics = createMetrics({ token: settings.metricsToken })
  metrics.gauge('ryzeapi_instances', 'Instances by state', 'state', () => instances.countByState())
  metrics.gauge('ryzeapi_clients', 'Clients connected now', 'kind', () => ({ websocket: events.webSocketClients }))
  metrics.gauge('ryzeapi_webhooks', 'Webhooks that something is being sent to or waits for', 'state', () => events.webhooksBusy())

  const declared = [
    ...instances.operations,
    ...messages.operations,
    ...media.operations,
    ...events.operations,
    ...groups.operations,
    ...communities.operations,
    ...chats.operations,
    ...profile.operations,
    ...calls.operations,
    ...newsletters.operations,
    ...notBuiltOperations(),
    ...(settings.adminToken === null ? [] : accountOperations(accounts)),
    health.operation,
  ]
  const operations = asFarAsSupported(declared, capabilities)
  const sockets = events.socketOperations
  const idempotency = createIdempotency({ store: createIdempotencyTable({ db, vault, clock }), logger })
  closing.unshift({ name: 'idempotency', limitMs: 500, run: () => idempotency.stop() })
  const server = await createHttpServer({
    operations,
    sockets,
    accounts,
    instances,
    settings,
    spool,
    idempotency,
    clock,
    logger,
    pages: [documentationPages({ operations, sockets, baseUrl: settings.baseUrl, version }), metrics.page],
    onAnswered: metrics.answered,
  })
  closing.unshift(
    // Deliveries stop beside the last requests: what is not delivered yet is in the outbox, and the next run takes it up.
    { name: 'requests', limitMs: 5000, run: () => Promise.all([server.close(), events.stop()]).then(() => {}) },
    { name: 'connections', limitMs: 100, run: () => server.cut() },
  )
  idempotency.start()
  await events.start()
  const { port } = await server.listen(settings)
  return { port, operations, sockets }
}

/** Nothing is loaded for it yet. Throws `NetworkUnavailableError` when there is no such network. */
const findEngine = async (settings: Settings, logger: Logger): Promise<EngineOnDemand> => {
  const { whatsappNetwork, whatsappVersion, outboundAllow, unreadableMessageSeconds } = settings
  // What a crash left behind is loaded anew.
  const historyFolder = join(settings.dataDir, 'history')
  await rm(historyFolder, { recursive: true, force: true })
  const network = whatsappNetwork === null ? null : await findNetwork(whatsappNetwork, logger)
  const mediaHosts = network === null ? [] : [new URL(network.mediaUrl).host]
  return baileysOnDemand({
    network,
    guard: createAddressGuard({ allow: [...outboundAllow, ...mediaHosts], logger }),
    historyFolder,
    version: whatsappVersion,
    serviceWorker: () => read(whatsappNetwork ?? 'https://web.whatsapp.com', '/sw.js', logger),
    logger: logger.child({ part: 'whatsapp' }),
    // A twelfth of it belongs to the sender: 5 of 60 s, as in other clients.
    askPhoneAfterMs: (unreadableMessageSeconds * 1000) / 12,
  })
}

const findNetwork = async (address: string, logger: Logger): Promise<WhatsAppNetwork> => {
  try {
    return parseNetwork(JSON.parse(await read(address, '/network', logger)))
  } catch (error) {
    throw new NetworkUnavailableError(`WHATSAPP_NETWORK ${address} does not answer as a network: is it running?`, { cause: error })
  }
}

/** A text of the operator's network, or of WhatsApp's, which is seldom asked for one. WhatsApp's answers browsers alone. */
const read = async (site: string, path: string, logger: Logger): Promise<string> => {
  const outbound = createOutbound({ allow: [new URL(site).hostname], logger })
  const headers = {
    'sec-fetch-site': 'none',
    'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36',
  }
  try {
    const url = site.replace(/\/+$/, '') + path
    const answer = await outbound.request({ url, headers, method: 'GET', timeoutMs: 5000, maxResponseBytes: 4 * 1024 * 1024, redirects: 0 })
    return answer.body.toString('utf8')
  } finally {
    await outbound.close()
  }
}

export class NetworkUnavailableError extends Error {
  override readonly name = 'NetworkUnavailableError'
}

const ownVersion = async (): Promise<string> => {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  return String((JSON.parse(text) as { version: unknown }).version)
}
