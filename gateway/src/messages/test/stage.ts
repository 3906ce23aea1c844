/**
 * Messages and events over a database and the in-memory network, with one linked instance and a webhook receiver: the stories of this folder.
 * Instances are played: what they do is told in instances/.
 */
import type { TestDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import { createEvents, type Events } from '../../events/events.ts'
import { loopbackOutbound } from '../../events/test/outbound.ts'
import { openReceiver, type Receiver } from '../../events/test/receiver.ts'
import { eventually, quickRules } from '../../events/test/stage.ts'
import { ApiError, errors } from '../../http/errors.ts'
import type { HandedRequest } from '../../http/operation.ts'
import { parse } from '../../http/validation.ts'
import { defaultSettings, type InstanceSettings } from '../../instances/settings-values.ts'
import { systemClock } from '../../runtime/clock.ts'
import { ulid } from '../../runtime/ids.ts'
import { createLogger } from '../../runtime/logging.ts'
import { createMemoryEngine } from '../../whatsapp/adapters/memory/engine.ts'
import { MemoryNetwork, type MemoryPerson } from '../../whatsapp/adapters/memory/network.ts'
import type { Address, EngineEvent, EngineSession } from '../../whatsapp/engine.ts'
import { DatabaseIdentityStore } from '../../whatsapp/identities.ts'
import { DatabaseSessionStore } from '../../whatsapp/session-store.ts'
import { createMessages, type Messages } from '../messages.ts'

export const INSTANCE = 'instance-1'
export const SHOP = '5511900000001'
export const ANA = '34600111222'

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
export type Json = any

export interface Stage {
  database: TestDatabase
  network: MemoryNetwork
  /** The account behind the instance. */
  shop: MemoryPerson
  ana: MemoryPerson
  receiver: Receiver
  events: Events
  messages: Messages
  settings: { -readonly [Key in keyof InstanceSettings]: InstanceSettings[Key] }
  /** The open session; its methods may be replaced. */
  readonly session: EngineSession
  /** Every engine event, after the recorder has taken it. */
  happened: EngineEvent[]
  /** `POST /api/message/text` without HTTP. */
  text(body: unknown): Promise<{ status: number; body: Json }>
  rows(): Promise<Json[]>
  inbox(): Promise<{ done: number }[]>
  /** Event data of this name, as the receiver got it, when there are this many. */
  delivered(name: string, count: number): Promise<Json[]>
  /** All events there are to see after everything has come to rest. */
  allDelivered(): Promise<Json[]>
  /** Waits until as many messages are stored. */
  stored(count: number): Promise<void>
  connect(): Promise<void>
  disconnect(): Promise<void>
  /** Ends everything without the instance being told, as a new process finds it. */
  restart(): Promise<Stage>
  close(): Promise<void>
}

export const openStage = async (database: TestDatabase): Promise<Stage> => {
  const network = new MemoryNetwork()
  const shop = network.person(SHOP, { name: 'Shop' })
  const ana = network.person(ANA, { name: 'Ana' })
  await addAccount(database.db, 'account-1')
  await addInstance(database.db, INSTANCE, 'account-1', { name: 'shop', state: 'connected', wanted: 1 })
  const receiver = await openReceiver()
  const stage = build(database, network, shop, ana, receiver)
  await stage.events.webhooks.configure(INSTANCE, { enabled: true, url: receiver.url })
  await stage.messages.start()
  await stage.events.start()
  await stage.connect()
  return stage
}

const build = (database: TestDatabase, network: MemoryNetwork, shop: MemoryPerson, ana: MemoryPerson, receiver: Receiver): Stage => {
  const { db, vault } = database
  const logger = createLogger('silent')
  const outbound = loopbackOutbound()
  const engine = createMemoryEngine(network)
  const identitiesOf = (instanceId: string) => new DatabaseIdentityStore(db, instanceId)
  const settings = { ...defaultSettings }
  const self: Address = shop.address
  let session: EngineSession | null = null
  const events = createEvents({
    db,
    vault,
    clock: systemClock,
    outbound,
    logger,
    settings: {
      baseUrl: 'http://gateway.test',
      eventToken: true,
      eventRetentionDays: 7,
      deadLetterRetentionDays: 30,
      deliveryConcurrency: 16,
    },
    tokenOf: async () => 'token',
    rules: quickRules,
    stopGraceMs: 200,
  })
  const instances = {
    session() {
      if (session === null) throw errors.notConnected()
      return session
    },
    self: () => self,
    settingsOf: () => settings,
  }
  const messages = createMessages({
    db,
    vault,
    clock: systemClock,
    logger,
    outbound,
    engine: async () => engine,
    instances,
    events,
    identitiesOf,
    media: noMedia,
    unreadablePatienceMs: 300,
    chatJoined: async () => {},
  })
  const happened: EngineEvent[] = []

  const stage: Stage = {
    database,
    network,
    shop,
    ana,
    receiver,
    events,
    messages,
    settings,
    happened,
    get session() {
      return instances.session()
    },
    async text(body) {
      const [operation] = messages.operations
      if (operation?.body === undefined) throw new Error('no route')
      try {
        const scope = { instance: { id: INSTANCE, name: 'shop' } }
        const request = { scope, body: parse(operation.body, body, 'request body') } as unknown as HandedRequest
        const answer = await operation.handle(request)
        operation.answers[answer.status]?.parse(answer.body)
        return answer
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        return { status: error.status, body: { error: error.message } }
      }
    },
    rows: () => db.read.selectFrom('messages').selectAll().orderBy('seq').execute(),
    inbox: () => db.read.selectFrom('inbox').select('done').execute(),
    async delivered(name, count) {
      for (let seen = 1; ; seen++) {
        const found = (await receiver.count(seen)).filter(({ json }) => json.event === name).map(({ json }) => json.data)
        if (found.length >= count) return found
      }
    },
    async allDelivered() {
      await eventually(async () => {
        const waiting = await db.read.selectFrom('deliveries').select('event_id').execute()
        const open = (await stage.inbox()).filter(({ done }) => done === 0)
        return waiting.length + open.length === 0
      }, 'rest')
      return receiver.requests.map(({ json }) => json)
    },
    stored: (count) => eventually(async () => (await stage.rows()).length === count, `${count} messages`),
    async connect() {
      const opened = new Promise<void>((resolve) => {
        const started = engine.open({
          instanceId: INSTANCE,
          store: new DatabaseSessionStore(db, vault, INSTANCE),
          identities: identitiesOf(INSTANCE),
          proxy: null,
          historyDays: null,
          keepOnline: false,
          storedMessage: (id) => messages.storedMessage(INSTANCE, id),
          logger,
          async onEvent(event) {
            await messages.handle({ id: INSTANCE }, event)
            happened.push(event)
            if (event.type === 'qr') shop.scan(event.text)
            if (event.type === 'open') resolve()
            if (event.type === 'closed') session = null
          },
        })
        session = started
        started.start()
      })
      await opened
      // The name that comes with it is recorded a moment later.
      await eventually(async () => (await messages.personOf(INSTANCE, self)).name !== null, 'the own name')
    },
    async disconnect() {
      await session?.stop()
      session = null
    },
    async restart() {
      await stage.disconnect()
      await messages.stop()
      await events.stop()
      await outbound.close()
      const next = build(database, network, shop, ana, receiver)
      await next.messages.start()
      await next.events.start()
      return next
    },
    async close() {
      await stage.disconnect()
      await messages.stop()
      await events.stop()
      await outbound.close()
      await receiver.close()
    },
  }
  return stage
}

/** Media has tests of its own. */
const noMedia = {
  newId: () => ulid(Date.now()),
  s3Urls: async () => null,
  note: async () => {},
  wake() {},
  keep: async () => {},
  attach: () => Promise.reject(new Error('no media here')),
}
