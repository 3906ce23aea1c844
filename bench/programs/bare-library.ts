/**
 * The WhatsApp library without the gateway, as a process of its own. Ends with one JSON line.
 *   send <simulator> <owner> <numbers> <messages> <in flight> <warm-up> <folder>   texts/s of the engine adapter, its store in a
                                                                              database in this folder; without one, in memory. Prints
                                                                              `{"phase"}` where the measured part begins and ends
 *   cold <simulator> <owner> <numbers> <in flight> <warm-up>    first texts/s to each of these people, store in memory; prints phases too
 *   receive <simulator> <owner> <numbers> <messages> <warm-up> <folder>   messages/s of the adapter that come when it connects; prints
                                                                      `{"ready"}` when it is away and connects at SIGUSR2; folder as above
 *   link <simulator> <file> <numbers> <at once>                 links a session per number and saves them all
 *   connect <simulator> <file> <at once>                        CPU to log the saved sessions in with Baileys and our Signal repository
 */
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { openDatabase } from '../../gateway/src/storage/open.ts'
import { openVault } from '../../gateway/src/storage/vault.ts'
import { createAuthKeys } from '../../gateway/src/whatsapp/adapters/baileys/auth-keys.ts'
import { createSharedCaches } from '../../gateway/src/whatsapp/adapters/baileys/caches.ts'
import { Credentials } from '../../gateway/src/whatsapp/adapters/baileys/credentials.ts'
import { DeviceLists } from '../../gateway/src/whatsapp/adapters/baileys/device-lists.ts'
import { KeyHolders } from '../../gateway/src/whatsapp/adapters/baileys/key-holders.ts'
import { directRoutes } from '../../gateway/src/whatsapp/adapters/baileys/proxy.ts'
import { Commits } from '../../gateway/src/whatsapp/adapters/baileys/signal/commits.ts'
import { LidMappings } from '../../gateway/src/whatsapp/adapters/baileys/signal/lid-mapping.ts'
import { SignalRepository } from '../../gateway/src/whatsapp/adapters/baileys/signal/repository.ts'
import { openSocket } from '../../gateway/src/whatsapp/adapters/baileys/socket.ts'
import { StanzaNotes } from '../../gateway/src/whatsapp/adapters/baileys/stanzas.ts'
import { DatabaseIdentityStore } from '../../gateway/src/whatsapp/identities.ts'
import { MemoryIdentityStore } from '../../gateway/src/whatsapp/memory/identities.ts'
import { MemorySessionStore } from '../../gateway/src/whatsapp/memory/session-store.ts'
import { DatabaseSessionStore } from '../../gateway/src/whatsapp/session-store.ts'
import { bareEngine, type Stores } from './bare-engine.ts'

const [command = '', simulator = '', ...args] = process.argv.slice(2)
const { network, guard, logger, open, link } = await bareEngine(simulator)

const inMemory = (store = new MemorySessionStore()): Stores => ({ store, identities: new MemoryIdentityStore() })

/** The stores the gateway gives the adapter, and nothing else of the gateway. */
const inDatabase = async (dataDir: string): Promise<Stores> => {
  const db = await openDatabase({ dataDir, logger })
  const vault = await openVault({ db, dataDir })
  const owner = { id: 'bare', name: 'bare', token_hash: 'bare', created_at: 0 }
  await db.write(async (tx) => {
    await tx
      .insertInto('accounts')
      .values({ ...owner, instance_quota: null, requests_per_minute: 1, creates_per_minute: 1, allowed_origins: '[]', suspended: 0 })
      .execute()
    await tx
      .insertInto('instances')
      .values({ ...owner, account_id: 'bare', token: new Uint8Array(), state: 'connected', wanted: 1, updated_at: 0 })
      .execute()
  })
  return { store: new DatabaseSessionStore(db, vault, 'bare'), identities: new DatabaseIdentityStore(db, 'bare') }
}

/** Runs `work` for every item with so many at once. */
const forEach = async <T>(items: readonly T[], atOnce: number, work: (item: T, index: number) => Promise<unknown>): Promise<void> => {
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      await work(items[index] as T, index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const send = async (owner: string, numbers: readonly string[], messages: number, inFlight: number, warmUp: number, folder?: string) => {
  const session = await link(owner, folder === undefined ? inMemory() : await inDatabase(folder))
  const text = (n: number) =>
    session.send(
      addressOf(numbers[n % numbers.length] ?? ''),
      { extendedTextMessage: { text: `message ${n}` } },
      { id: `3EB0${n.toString(16).toUpperCase().padStart(16, '0')}` },
    )
  // First contacts and cold code are costs of their own; both sides leave them out.
  await Promise.all(numbers.map((_, n) => text(n)))
  await forEach(Array.from({ length: warmUp }), inFlight, (_, n) => text(numbers.length + n))
  phase('began')
  const began = performance.now()
  await forEach(Array.from({ length: messages }), inFlight, (_, n) => text(numbers.length + warmUp + n))
  const perSecond = messages / ((performance.now() - began) / 1000)
  phase('ended')
  await session.stop()
  return { perSecond }
}

const phase = (name: string) => process.stdout.write(`${JSON.stringify({ phase: name })}\n`)

/** Nobody is known yet, and everybody gets one text; the first `warmUp` are not counted. */
const cold = async (owner: string, numbers: readonly string[], inFlight: number, warmUp: number) => {
  const session = await link(owner, inMemory())
  const greet = (number: string) =>
    session.send(addressOf(number), { extendedTextMessage: { text: 'hello' } }, { id: `3EB0${number.padStart(16, '0')}` })
  const counted = numbers.slice(warmUp)
  await forEach(numbers.slice(0, warmUp), inFlight, greet)
  phase('began')
  const began = performance.now()
  await forEach(counted, inFlight, greet)
  const perSecond = counted.length / ((performance.now() - began) / 1000)
  phase('ended')
  await session.stop()
  return { perSecond }
}

/** Groups come as JIDs. */
const addressOf = (number: string) => ({ jid: number.includes('@') ? number : `${number}@s.whatsapp.net`, lid: null })

const receive = async (owner: string, numbers: readonly string[], messages: number, warmUp: number, folder?: string) => {
  const stores = folder === undefined ? inMemory() : await inDatabase(folder)
  const linked = await link(owner, stores)
  // After an answer the friends' ratchets turn as in a talk that has been going on for a while.
  const hello = (number: string, n: number) =>
    linked.send(
      { jid: `${number}@s.whatsapp.net`, lid: null },
      { extendedTextMessage: { text: 'hello' } },
      { id: `3EB0${n}FFFFFFFFFFFFFFFF` },
    )
  await Promise.all(numbers.map(hello))
  await pause(500)
  await linked.stop()
  const begin = once(process, 'SIGUSR2')
  process.stdout.write('{"ready":true}\n')
  await begin
  let count = 0
  let began = 0
  const done = Promise.withResolvers<void>()
  const session = open(owner, stores, (event) => {
    if (event.type === 'closed') done.reject(new Error(`closed: ${event.reason} ${event.detail}`))
    if (event.type !== 'message') return
    count += 1
    if (count === warmUp) began = performance.now()
    if (count === messages) done.resolve()
  })
  await done.promise
  const perSecond = (messages - warmUp) / ((performance.now() - began) / 1000)
  await session.stop()
  return { perSecond }
}

interface SavedSession {
  credentials: string
  records: [string, string][]
}

const linkAll = async (file: string, numbers: readonly string[], atOnce: number) => {
  const saved: SavedSession[] = []
  await forEach(numbers, atOnce, async (number) => {
    const store = new MemorySessionStore()
    const session = await link(number, inMemory(store))
    // The own phone shares its app-state key with a new companion.
    await pause(500)
    await session.stop()
    saved.push({
      credentials: Buffer.from(store.credentials ?? []).toString('base64'),
      records: [...store.records].map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    })
  })
  await writeFile(file, JSON.stringify(saved))
  return { linked: saved.length }
}

const connectAll = async (file: string, atOnce: number) => {
  const stores = (JSON.parse(await readFile(file, 'utf8')) as SavedSession[]).map(({ credentials, records }) => {
    const store = new MemorySessionStore()
    store.credentials = Buffer.from(credentials, 'base64')
    for (const [key, value] of records) store.records.set(key, Buffer.from(value, 'base64'))
    return store
  })
  const caches = createSharedCaches()
  const routes = directRoutes({ mediaCa: network.mediaCa, guard })
  const before = process.cpuUsage()
  await forEach(stores, atOnce, (store, n) => login(store, `bare-${n}`, caches, routes))
  await pause(3_000)
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000 }
}

/** Baileys as it comes, with our Signal repository; resolves when it is open. */
const login = async (
  store: MemorySessionStore,
  prefix: string,
  caches: ReturnType<typeof createSharedCaches>,
  routes: ReturnType<typeof directRoutes>,
): Promise<void> => {
  const fail = (error: unknown) => {
    throw error
  }
  const credentials = await Credentials.load(store, fail)
  const opened = Promise.withResolvers<void>()
  const commits = new Commits({ store, onRows: () => {}, onHistory: () => {}, onFailure: fail })
  const { socket } = openSocket({
    url: network.whatsappUrl,
    routes,
    version: null,
    credentials: credentials.value,
    keys: createAuthKeys({
      store,
      tokens: caches.tokens.view(prefix),
      holders: new KeyHolders(caches.keyHolders, prefix),
      forgetSessions: async () => {},
      flushCredentials: () => credentials.flush(),
      onStorageFailure: fail,
    }),
    keepOnline: false,
    fullHistory: false,
    deviceLists: new DeviceLists(store, caches.devices.view(prefix), fail),
    groupLists: null,
    caches,
    cachePrefix: prefix,
    storedMessage: async () => null,
    commits,
    makeRepository: (askLids) => {
      const mappings = new LidMappings(new MemoryIdentityStore(), caches.identities.view(prefix), askLids, logger)
      const repository = new SignalRepository({
        credentials: credentials.value,
        store,
        commits,
        cache: caches.signal.view(prefix),
        mappings,
        stanzas: new StanzaNotes(),
        logger,
        onRowAgain: () => {},
        onUndecryptable: () => {},
        onStorageFailure: fail,
      })
      return { repository, mappings }
    },
    logger,
    onCrash: fail,
    onClosing: () => {},
    onRegistrationRefreshed: () => {},
    absentDevices: { heed: () => {} },
  })
  socket.ev.on('connection.update', ({ connection, lastDisconnect }) => {
    if (connection === 'open') opened.resolve()
    if (connection === 'close') opened.reject(lastDisconnect?.error ?? new Error('closed'))
  })
  socket.ev.on('creds.update', () => credentials.changed())
  await opened.promise
}

const numbersOf = (list = '') => list.split(',')

const commands: Readonly<Record<string, () => Promise<object>>> = {
  send: () => send(args[0] ?? '', numbersOf(args[1]), Number(args[2]), Number(args[3]), Number(args[4]), args[5]),
  cold: () => cold(args[0] ?? '', numbersOf(args[1]), Number(args[2]), Number(args[3])),
  receive: () => receive(args[0] ?? '', numbersOf(args[1]), Number(args[2]), Number(args[3]), args[4]),
  link: () => linkAll(args[0] ?? '', numbersOf(args[1]), Number(args[2])),
  connect: () => connectAll(args[0] ?? '', Number(args[1])),
}
const result = await commands[command]?.()
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
