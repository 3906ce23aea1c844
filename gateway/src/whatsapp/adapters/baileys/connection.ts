/**
 * The life of one attempt to be linked: opens the socket (again when WhatsApp asks for a restart right after pairing), turns what the socket
 * says into events, and ends exactly once. What can be asked of an open connection is in `session.ts`.
 *
 *   new ──start──▶ connecting ──▶ open ──▶ ended
 *                      │ ▲ 515 after pairing     ▲
 *                      └─┘───────────────────────┘ closed, stopped, store failed
 */
import type { BinaryNode, ConnectionState, SignalKeyStore, WASocket } from 'baileys'
import type { Logger } from '../../../runtime/logging.ts'
import { type Address, type CloseReason, EngineError, type SessionOptions, type StoreBatch } from '../../engine.ts'
import type { NewsletterSession } from '../../newsletters.ts'
import { EventQueue, type PendingEvent } from '../event-queue.ts'
import type { AbsentDevices } from './absent-devices.ts'
import { completed, NOBODY } from './addresses.ts'
import type { AppState } from './app-state/app-state.ts'
import { Blocklist } from './blocklist.ts'
import type { Version } from './client-version.ts'
import { closeReasonOf } from './close-reason.ts'
import { Credentials, nameOf, selfOf } from './credentials.ts'
import type { DeviceLists } from './device-lists.ts'
import type { Environment } from './environment.ts'
import { closeCodeOf } from './errors.ts'
import { GroupSide } from './group-side.ts'
import { HistorySync } from './history/history-sync.ts'
import { PostChanges } from './newsletter-posts.ts'
import { NewsletterReactions } from './newsletter-reactions.ts'
import { createNewsletters } from './newsletters.ts'
import { PendingCalls } from './pending-calls.ts'
import { PlaceNames } from './place-names.ts'
import { keepTokensOf } from './privacy-tokens.ts'
import type { Routes } from './proxy.ts'
import { qrWithSecret } from './registration-refresh.ts'
import { rawConnection } from './socket.ts'
import { StanzaNotes } from './stanzas.ts'
import { type WiredSocket, wireSocket } from './wired-socket.ts'

/** Lifetimes of QR texts in Baileys: the first one, then the others. */
const FIRST_QR_MS = 60_000
const NEXT_QR_MS = 20_000

/** How long a closing socket may wait for the other side's goodbye. */
const CLOSE_GRACE_MS = 1_000
let attempts = 0

export class Connection {
  readonly options: SessionOptions
  readonly #environment: Environment
  readonly #logger: Logger
  readonly #queue: EventQueue
  readonly #stanzas = new StanzaNotes()
  readonly #cachePrefix: string
  readonly #ended = Promise.withResolvers<void>()
  readonly #qrShown = Promise.withResolvers<void>()
  readonly #calls = new PendingCalls()
  readonly names: PlaceNames
  readonly groupSide: GroupSide
  readonly blocklist = new Blocklist(this)
  readonly postChanges = new PostChanges()
  readonly reactions: NewsletterReactions
  readonly newsletters: NewsletterSession['newsletters']
  readonly history: HistorySync
  #state: 'new' | 'connecting' | 'open' | 'ended' = 'new'
  #credentials: Credentials | null = null
  /** Null until there is one; the last one when all is over. */
  #wired: WiredSocket | null = null
  #routes: Routes | null = null
  #self: Address = NOBODY
  /** The client version that the present connection says it is. */
  #announced: Version
  /** The last one, and until when it may be scanned, ms. */
  #qr: { text: string; expiresAt: number } | null = null
  #restartExpected = false
  #justLinked = false
  /** Set when the end is our doing; what the socket says about it no longer matters. */
  #endReason: { reason: CloseReason; detail: string } | null = null
  #presence: 'available' | 'unavailable' | null
  #closeTimer: NodeJS.Timeout | null = null
  #closedBecause: CloseReason | null = null
  #name: string | null = null

  constructor(options: SessionOptions, environment: Environment) {
    this.options = options
    this.#environment = environment
    this.#announced = environment.version.current
    this.#logger = options.logger
    this.#presence = options.keepOnline ? 'available' : null
    attempts += 1
    this.#cachePrefix = `${options.instanceId}#${attempts}`
    this.#queue = new EventQueue({
      deliver: (event) => options.onEvent(event),
      logger: options.logger,
      onPressure: (high) => {
        const raw = this.#wired === null ? null : rawConnection(this.#wired.socket)
        if (high) raw?.pause()
        else raw?.resume()
      },
    })
    this.names = new PlaceNames(environment.caches.placeNames.view(options.instanceId), (event) => this.#queue.push(event))
    this.groupSide = new GroupSide(this, environment.caches, this.names, this.#cachePrefix)
    this.newsletters = createNewsletters({
      request: (node) => this.request(node),
      mediaHost: environment.mediaHost,
      onRead: (newsletters) => this.names.heard(newsletters),
    })
    this.reactions = new NewsletterReactions({
      store: options.store,
      request: (node) => this.request(node),
      report: (reaction) => this.#queue.push({ type: 'channel-reaction', reaction }),
      reported: () => this.reported(),
      onFailure: (error) => this.#logger.debug({ error: messageOf(error) }, 'the reactions to a channel could not be followed'),
    })
    this.history = new HistorySync(this, environment)
    // Nobody may be waiting for a QR when the session ends.
    this.#qrShown.promise.catch(() => {})
  }

  get self(): Address {
    return this.#self
  }

  /** Null while it lives. */
  get closedBecause(): CloseReason | null {
    return this.#closedBecause
  }

  start(): void {
    if (this.#state !== 'new') throw new Error('a session starts once')
    this.#state = 'connecting'
    void this.#begin()
  }

  /** Ends the session for this reason; resolves when nothing of it runs any more. */
  async end(reason: CloseReason, detail: string): Promise<void> {
    this.#endReason ??= { reason, detail }
    if (this.#wired === null || this.#state === 'ended') void this.#finish(reason, detail)
    else void this.#closeOrderly(this.#wired)
    await this.#ended.promise
  }

  /** The socket of an open session. Throws {@link EngineError} otherwise. */
  get socket(): WASocket {
    return this.#open.socket
  }

  /** The ways out of this session. Throws {@link EngineError} when there is none. */
  get routes(): Routes {
    if (this.#routes === null) throw notConnected()
    return this.#routes
  }

  get devices(): DeviceLists {
    return this.#open.devices
  }

  get absentDevices(): AbsentDevices {
    return this.#open.absentDevices
  }

  get appState(): AppState {
    return this.#open.appState.appState
  }

  get #open(): WiredSocket {
    if (this.#state !== 'open' || this.#wired === null) throw notConnected()
    return this.#wired
  }

  /** Waits until WhatsApp waits for somebody to pair. Throws {@link EngineError} when that will not happen. */
  async unpairedSocket(): Promise<WASocket> {
    if (this.#state === 'new') throw new EngineError('not-connected', 'the session has not been started')
    if (this.#credentials?.linked) throw new EngineError('rejected', 'the instance is already linked')
    await this.#qrShown.promise
    if (this.#wired === null || this.#state === 'ended' || this.#endReason !== null)
      throw new EngineError('not-connected', 'the session has ended')
    return this.#wired.socket
  }

  /** Runs a call of the library; rejects with {@link EngineError} when it fails or the session ends meanwhile. */
  ask<T>(call: () => Promise<T>): Promise<T> {
    return this.#calls.run(call)
  }

  /** Resolves when what was sent so far has left; rejects when the session ends before. */
  flushed(): Promise<void> {
    return this.ask(() => this.#wired?.gate.flushed() ?? Promise.resolve())
  }

  /** A query with an answer; with a time limit of its own the library rejects instead of answering `undefined`. */
  request(node: BinaryNode, timeoutMs?: number): Promise<BinaryNode> {
    return this.#calls.query(this.socket, node, timeoutMs)
  }

  commit(batch: StoreBatch): void {
    this.#wired?.commits.add(batch)
  }

  report(event: PendingEvent): void {
    this.#queue.push(event)
  }

  /** Resolves when everything reported so far has been taken; rejects when the session ends before. */
  reported(): Promise<void> {
    return this.#queue.passed()
  }

  /** What the library keeps by itself. */
  get keys(): SignalKeyStore {
    return this.socket.authState.keys
  }

  /** Presence can only be announced under a name; until WhatsApp has told us ours it waits. */
  async announce(presence: 'available' | 'unavailable'): Promise<void> {
    this.#presence = presence
    const { socket } = this
    await this.ask(() => socket.sendPresenceUpdate(presence))
  }

  async completed(address: Address): Promise<Address> {
    return this.#wired === null ? address : completed(address, this.#wired.mappings)
  }

  learn(pairs: readonly { number: string; lid: string }[]): Promise<void> {
    return this.#wired?.mappings.learn(pairs) ?? Promise.resolve()
  }

  // ── opening ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #begin(): Promise<void> {
    try {
      this.#credentials = await Credentials.load(this.options.store, (error) => this.#storageFailed(error))
      this.#routes = this.#environment.routesFor(this.options)
      await this.history.load(this.#credentials.linked)
    } catch (error) {
      this.#logger.error({ error: messageOf(error) }, 'the session store can not be read')
      await this.#finish('storage', 'the session store can not be read')
      return
    }
    if (this.#endReason !== null) await this.#finish(this.#endReason.reason, this.#endReason.detail)
    else this.#connect(this.#credentials, this.#routes)
  }

  #connect(credentials: Credentials, routes: Routes): void {
    this.#self = selfOf(credentials)
    this.#announced = this.#environment.version.current
    this.#wired = wireSocket(this, {
      credentials,
      routes,
      environment: this.#environment,
      cachePrefix: this.#cachePrefix,
      stanzas: this.#stanzas,
      queue: this.#queue,
      onStorageFailure: (error) => this.#storageFailed(error),
      onClosing: (socket) => this.#hurryClose(socket),
      onRegistrationRefreshed: () => this.#showQr(credentials),
    })
    this.#listen(this.#wired, credentials)
  }

  #listen({ socket, reports }: WiredSocket, credentials: Credentials): void {
    const { ev, ws } = socket
    reports.listenTo(socket)
    keepTokensOf(socket, (address) => this.completed(address), this.#logger)
    ws.on('CB:notification,type:account_sync', (notification: BinaryNode) => this.blocklist.notified(notification))
    // Baileys listens to this one without doing anything, which keeps a refused handshake open until it times out.
    ws.on('unexpected-response', (_request: unknown, response: { statusCode?: number }) => {
      void socket.end(new Error(`the connection was refused with HTTP status ${response.statusCode ?? 'unknown'}`))
    })
    ev.on('connection.update', (update) => this.#connectionChanged(update, credentials))
    ev.on('creds.update', (update) => {
      credentials.changed()
      if (update.me !== undefined) this.#profileChanged(socket, credentials, update.me.name)
    })
  }

  // ── what happens on it ─────────────────────────────────────────────────────────────────────────────────────────────

  #connectionChanged(update: Partial<ConnectionState>, credentials: Credentials): void {
    if (update.qr !== undefined) {
      this.#qr = { text: update.qr, expiresAt: Date.now() + (this.#qr === null ? FIRST_QR_MS : NEXT_QR_MS) }
      this.#showQr(credentials)
      this.#qrShown.resolve()
    }
    if (update.isNewLogin) {
      this.#restartExpected = true
      this.#justLinked = true
      this.#self = selfOf(credentials)
      const { platform, me } = credentials.value
      const paired = { type: 'paired', self: this.#self, platform: platform ?? null, businessName: me?.name || null } as const
      this.#queue.push(async () => {
        await credentials.flush()
        return paired
      })
    }
    if (update.connection === 'open') {
      this.#state = 'open'
      this.#restartExpected = false
      this.#self = selfOf(credentials)
      this.#name = nameOf(credentials)
      this.#queue.push({ type: 'open', self: this.#self, name: this.#name })
      if (this.#justLinked) void this.#learnAll()
      this.history.opened()
      this.reactions.opened()
      // A store that cannot be read ends the session elsewhere, at its next message.
      this.#wired?.unreadable.opened().catch(() => {})
      this.#wired?.appState.appState.opened()
    }
    if (update.connection === 'close') void this.#closed(update.lastDisconnect?.error, credentials)
  }

  /** With the secret there is now; Baileys makes all of them with the first. */
  #showQr({ value: { advSecretKey } }: Credentials): void {
    if (this.#qr === null) return
    this.#queue.push({ type: 'qr', text: qrWithSecret(this.#qr.text, advSecretKey), expiresAt: this.#qr.expiresAt })
  }

  /** A device just linked is in groups and follows channels nobody has told it the names of, nor does it know who is blocked. */
  async #learnAll(): Promise<void> {
    try {
      await Promise.all([this.groupSide.groups.list({ members: false }), this.newsletters.list(), this.blocklist.read()])
    } catch (error) {
      this.#logger.debug({ error: String(error) }, 'the names of groups and channels, or who is blocked, could not be asked for')
    }
  }

  async #closed(error: unknown, credentials: Credentials): Promise<void> {
    if (this.#closeTimer !== null) clearTimeout(this.#closeTimer)
    this.#closeTimer = null
    const { code, detail } = closeCodeOf(error)
    const { reason, detail: why } = this.#endReason ?? { reason: closeReasonOf(code, credentials.linked), detail }
    if (reason === 'restart' && this.#restartExpected && this.#routes !== null) {
      this.#restartExpected = false
      this.#endWired()
      await credentials.flush()
      if (this.#endReason === null) return this.#connect(credentials, this.#routes)
    }
    if (reason === 'outdated' && this.#routes !== null && (await this.#environment.version.renew(this.#announced))) {
      this.#endWired()
      if (this.#endReason === null) return this.#connect(credentials, this.#routes)
    }
    const last = this.#endReason ?? { reason, detail: why }
    await this.#finish(last.reason, last.detail)
  }

  #profileChanged(socket: WASocket, credentials: Credentials, name: string | undefined): void {
    this.#self = selfOf(credentials)
    if (!name || name === this.#name || this.#state !== 'open') return
    this.#name = name
    this.#queue.push({ type: 'profile', name })
    if (this.#presence !== null) socket.sendPresenceUpdate(this.#presence).catch(() => {})
  }

  // ── ending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** When it returns, the socket can send nothing any more; frames that rest on what was not stored have waited at the gate. */
  #storageFailed(error: unknown): void {
    this.#logger.error({ error: messageOf(error) }, 'the session store failed, the session stops before acknowledging anything')
    this.#endReason ??= { reason: 'storage', detail: 'the session store failed' }
    if (this.#wired === null || this.#state === 'ended') return
    const { socket } = this.#wired
    void socket.end(new Error('the session store failed'))
    rawConnection(socket)?.terminate()
  }

  /** Frames that wait for the store still go out. */
  async #closeOrderly({ socket, commits }: WiredSocket): Promise<void> {
    await commits.idle()
    await socket.end(undefined)
  }

  /** Baileys waits for the other side's goodbye, up to half a minute when it is silent. */
  #hurryClose(socket: WASocket): void {
    this.#closeTimer ??= setTimeout(() => rawConnection(socket)?.terminate(), CLOSE_GRACE_MS)
  }

  async #finish(reason: CloseReason, detail: string): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#closedBecause = reason
    this.#endWired()
    const gone = new EngineError('not-connected', 'the session has ended')
    this.#qrShown.reject(gone)
    this.#calls.end(gone)
    await this.history.end()
    await this.reactions.end()
    // Whatever was committed up to here is reported before the end is.
    await this.#wired?.repository.shut()
    await this.#credentials?.flush()
    this.#routes?.close()
    await this.#queue.close({ type: 'closed', reason, detail })
    this.#ended.resolve()
  }

  /** What would begin something of its own. */
  #endWired(): void {
    this.#wired?.unreadable.end()
    this.#wired?.appState.appState.end()
  }
}

const notConnected = (): EngineError => new EngineError('not-connected', 'the session is not connected')

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
