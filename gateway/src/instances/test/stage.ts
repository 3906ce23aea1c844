/** A gateway without a wire: real database, accounts, HTTP, events and instances over the in-memory WhatsApp network. */
import { onTestFinished, vi } from 'vitest'
import { type DatabaseName, forEachDatabase, type TestDatabase } from '../../../testing/databases.ts'
import type { Account } from '../../accounts/account.ts'
import { createAccounts } from '../../accounts/accounts.ts'
import { createEvents } from '../../events/events.ts'
import { createHttpServer } from '../../http/server.ts'
import { createAddressGuard } from '../../outbound/address-guard.ts'
import { createLogger } from '../../runtime/logging.ts'
import { readSettings } from '../../settings.ts'
import { createMemoryEngine } from '../../whatsapp/adapters/memory/engine.ts'
import { MemoryNetwork, type MemoryPerson } from '../../whatsapp/adapters/memory/network.ts'
import type { Address, EngineEvent, EngineFactory, EngineSession, SessionOptions } from '../../whatsapp/engine.ts'
import { DatabaseIdentityStore } from '../../whatsapp/identities.ts'
import { DatabaseSessionStore } from '../../whatsapp/session-store.ts'
import { createInstances, type InstancesCollaborators } from '../instances.ts'
import type { LifeCycleLimits } from '../life-cycle.ts'

/** Seconds become milliseconds; what must not happen within a test takes a minute. */
export const quickLimits: Partial<LifeCycleLimits> = {
  firstCodeMs: 5_000,
  openMs: 5_000,
  codeMs: 60_000,
  logoutMs: 300,
  stopMs: 200,
  retryFirstMs: 5,
  retryMaxMs: 20,
  stableMs: 60_000,
}

export interface StageOptions {
  limits?: Partial<LifeCycleLimits>
  concurrency?: number
  network?: MemoryNetwork
  /** Changes sessions, to let WhatsApp misbehave. */
  engine?(session: EngineSession, options: SessionOptions): EngineSession
  /** Entries of OUTBOUND_ALLOW. */
  allow?: string[]
  onDeletionStep?: InstancesCollaborators['onDeletionStep']
}

const nothingGoesOut = () => Promise.reject(new Error('nothing goes out here'))

export type Stage = Awaited<ReturnType<typeof openStage>>
export interface Answer {
  status: number
  body: Record<string, unknown>
}

export const openStage = async (database: TestDatabase, options: StageOptions = {}) => {
  const { db, vault } = database
  const clock = { now: () => Date.now() }
  const logger = createLogger('silent')
  const network = options.network ?? new MemoryNetwork()
  const opened: SessionOptions[] = []
  const texts: { instance: string; to: Address; text: string }[] = []
  const handed: { instance: string; event: EngineEvent }[] = []
  const forgotten: string[] = []

  const accounts = createAccounts({ db, clock, settings: { accountToken: null, requestsPerMinute: 100_000, createsPerMinute: 100_000 } })
  const events = createEvents({
    db,
    vault,
    clock,
    logger,
    outbound: { request: nothingGoesOut, download: nothingGoesOut, close: async () => {} },
    settings: {
      baseUrl: 'http://gateway.test',
      eventToken: true,
      eventRetentionDays: 7,
      deadLetterRetentionDays: 30,
      deliveryConcurrency: 1,
    },
    tokenOf: (instanceId) => instances.tokenOf(instanceId),
  })
  const memory = createMemoryEngine(network)
  const engine: EngineFactory = {
    ...memory,
    open(sessionOptions) {
      opened.push(sessionOptions)
      const session = memory.open(sessionOptions)
      return options.engine?.(session, sessionOptions) ?? session
    },
  }
  const instances = createInstances({
    db,
    vault,
    engine: async () => engine,
    events,
    blocks: events,
    sessionStoreOf: (instanceId) => new DatabaseSessionStore(db, vault, instanceId),
    identitiesOf: (instanceId) => new DatabaseIdentityStore(db, instanceId),
    proxyGuard: createAddressGuard({ allow: options.allow ?? [], logger }),
    storedMessage: async () => null,
    sendText: async (instance, to, text) => void texts.push({ instance: instance.name, to, text }),
    clock,
    logger,
    settings: { connectConcurrency: options.concurrency ?? 8 },
    limits: { ...quickLimits, ...options.limits },
    onDeletionStep: options.onDeletionStep,
  })
  instances.listen(async (instance, event) => void handed.push({ instance: instance.name, event }))
  instances.onDeleted((instanceId) => {
    forgotten.push(instanceId)
    events.instanceDeleted(instanceId)
  })
  accounts.onDelete((account) => instances.deleteAllOf(account.id))
  const server = await createHttpServer({
    operations: [...instances.operations, ...events.operations],
    accounts,
    instances,
    settings: { ...readSettings({}), unknownTokensPerMinute: 100_000 },
    clock,
    logger,
  })
  await instances.load()

  const call = async (token: string | undefined, method: 'GET' | 'POST' | 'DELETE', url: string, body?: unknown): Promise<Answer> => {
    const response = await server.inject({
      method,
      url,
      headers: { ...(token !== undefined && { token }), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { payload: JSON.stringify(body) }),
    })
    return { status: response.statusCode, body: JSON.parse(response.body) }
  }

  const tokenFor = new Map<string, string>()
  const account = async (name: string, instanceQuota: number | null = null): Promise<{ account: Account; token: string }> => {
    const made = await accounts.create({ name, instanceQuota })
    tokenFor.set(made.account.id, made.token)
    return made
  }

  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= instances.stop().then(() => server.close())
    return closing
  }
  onTestFinished(close)

  return { database, db, vault, network, accounts, account, events, instances, server, call, opened, texts, handed, forgotten, close }
}

/** A stage with one account, whose token the verbs use. */
export const openTenant = async (database: TestDatabase, options: StageOptions & { quota?: number; token?: string } = {}) => {
  const stage = await openStage(database, options)
  const token = options.token ?? (await stage.account('tenant', options.quota ?? null)).token
  const api = {
    token,
    get: (url: string) => stage.call(token, 'GET', url),
    post: (url: string, body?: unknown) => stage.call(token, 'POST', url, body),
    delete: (url: string) => stage.call(token, 'DELETE', url),
  }

  const listed = async (name: string): Promise<Record<string, unknown>> => {
    const { body } = await api.get(`/api/instance/list?instanceName=${encodeURIComponent(name)}`)
    return (body.instances as Record<string, unknown>[] | undefined)?.[0] ?? {}
  }
  const until = (name: string, status: string) =>
    vi.waitFor(async () => {
      const now = (await listed(name)).status
      if (now !== status) throw new Error(`${name} is ${now}, not ${status}`)
    }, waiting)

  /** Creates an instance; gives its id and token. */
  const create = async (name: string, fields: Record<string, unknown> = {}): Promise<{ id: string; token: string }> => {
    const { status, body } = await api.post('/api/instance/new', { name, ...fields })
    if (status !== 201) throw new Error(`${name} was not created: ${JSON.stringify(body)}`)
    return body.instance as { id: string; token: string }
  }

  return {
    ...stage,
    api,
    listed,
    until,
    create,
    /** Creates an instance and links it to a phone. */
    async link(
      name: string,
      number: string,
      fields: Record<string, unknown> = {},
    ): Promise<{ id: string; token: string; phone: MemoryPerson }> {
      const made = await create(name, fields)
      const phone = stage.network.person(number)
      phone.scan(String((await api.get(`/api/instance/connect/${name}`)).body.qrCode))
      await until(name, 'connected')
      return { ...made, phone }
    },
    /** The `instance.state` events so far, oldest first. */
    async states(instanceId: string): Promise<Record<string, unknown>[]> {
      const rows = await stage.db.read
        .selectFrom('events')
        .select('data')
        .where('instance_id', '=', instanceId)
        .where('name', '=', 'instance.state')
        .orderBy('id')
        .execute()
      return rows.map(({ data }) => JSON.parse(data))
    },
    /** The next gateway on the same database and network. */
    restart: async (more: StageOptions = {}) => {
      await stage.close()
      return openTenant(database, { ...options, ...more, network: stage.network, token })
    },
  }
}

export type Tenant = Awaited<ReturnType<typeof openTenant>>

export const waiting = { timeout: 30_000, interval: 5 }

export const error = (message: string) => ({ success: false, error: { message } })

/** `describe` blocks for both databases whose tests get a tenant. */
export const onBothDatabases = (
  suite: (open: (options?: StageOptions & { quota?: number }) => Promise<Tenant>, name: DatabaseName) => void,
): void => forEachDatabase((name, open) => suite(async (options) => openTenant(await open(), options), name))
