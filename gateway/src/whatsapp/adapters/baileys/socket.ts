/** Makes one Baileys socket and takes the edges off it. */
import type { EventEmitter } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type AuthenticationCreds, type BinaryNode, makeWASocket, type SignalKeyStore, type SocketConfig, type WASocket } from 'baileys'
import type { LIDMappingStore } from 'baileys/lib/Signal/lid-mapping.js'
import type { Logger } from '../../../runtime/logging.ts'
import type { WireMessage } from '../../wire.ts'
import type { AbsentDevices } from './absent-devices.ts'
import type { SharedCaches } from './caches.ts'
import type { DeviceLists } from './device-lists.ts'
import type { GroupLists } from './group-lists.ts'
import { isBare } from './history/notification.ts'
import { bridgeLogger } from './logger.ts'
import { mendPartialAnswer } from './partial-answers.ts'
import type { Routes } from './proxy.ts'
import { refreshRegistration } from './registration-refresh.ts'
import { createRetryAnswers } from './retry-answers.ts'
import type { CacheView } from './shared-cache.ts'
import type { Commits } from './signal/commits.ts'
import type { LidMappings } from './signal/lid-mapping.ts'
import type { SignalRepository } from './signal/repository.ts'
import { answerUnanswered } from './unanswered.ts'
import { WireGate, type Writer } from './wire-gate.ts'

export interface SocketOptions {
  /** Null: WhatsApp's own. */
  url: string | null
  routes: Routes
  version: SocketConfig['version'] | null
  credentials: AuthenticationCreds
  keys: SignalKeyStore
  keepOnline: boolean
  /** To be asked for at pairing: more than phones hand over by themselves. */
  fullHistory: boolean
  deviceLists: DeviceLists
  /** Null: Baileys asks for a group with every message to it. */
  groupLists: Pick<GroupLists, 'get'> | null
  caches: SharedCaches
  cachePrefix: string
  storedMessage(id: string): Promise<WireMessage | null>
  /** What frames wait for. */
  commits: Commits
  makeRepository(askLids: (numberJids: string[]) => Promise<{ pn: string; lid: string }[] | undefined>): {
    repository: SignalRepository
    mappings: LidMappings
  }
  logger: Logger
  /** Something inside the library threw where nobody listens. */
  onCrash(error: unknown): void
  /** The library begins to close the socket. */
  onClosing(): void
  /** The secret in the QR has been replaced. */
  onRegistrationRefreshed(): void
  absentDevices: Pick<AbsentDevices, 'heed'>
}

export const openSocket = (options: SocketOptions): { socket: WASocket; gate: WireGate } => {
  const { caches, cachePrefix, routes } = options
  const socket = makeWASocket({
    auth: { creds: options.credentials, keys: options.keys },
    logger: bridgeLogger(options.logger),
    ...(options.url === null ? {} : { waWebSocketUrl: options.url }),
    ...(options.version === null ? {} : { version: options.version }),
    ...(routes.socket === undefined ? {} : { agent: routes.socket }),
    ...(routes.upload === undefined ? {} : { fetchAgent: routes.upload }),
    options: downloadOptions(routes.download),
    makeSignalRepository: (_auth, _logger, askLids) => {
      const { repository, mappings } = options.makeRepository(async (jids) => askLids?.(jids))
      // Baileys wants its own mapping class by name; it only calls the methods ours has too.
      const lidMapping = mappings as unknown as LIDMappingStore
      return Object.assign(repository, {
        lidMapping,
        close: () => {
          mappings.close()
          options.onClosing()
        },
      })
    },
    getMessage: async ({ id }) => (id ? ((await options.storedMessage(id)) ?? undefined) : undefined),
    userDevicesCache: options.deviceLists,
    // Without it every message to a group asks for the whole group. Of what it gives only these fields are read (messages-send.js).
    cachedGroupMetadata: async (jid) => {
      const list = await options.groupLists?.get(jid)
      return list === undefined ? undefined : { owner: undefined, subject: '', ...list }
    },
    msgRetryCounterCache: cacheOver(caches.retries.view(cachePrefix)),
    callOfferCache: cacheOver(caches.calls.view(cachePrefix)),
    // A pause after every retry receipt, in which no other message of the instance is handled: whoever sends junk could stop it for hours.
    retryRequestDelayMs: 0,
    placeholderResendCache: placeholders(caches.placeholders.view(cachePrefix), caches.undecryptable.view(cachePrefix)),
    // It looks up by chat and misses what companions ask for (engine.md §6.2 no. 1); `getMessage` has every message.
    enableRecentMessageCache: false,
    // The caller knows what it sent, and own upserts swallow receipts (§6.2 no. 3).
    emitOwnEvents: false,
    markOnlineOnConnect: options.keepOnline,
    syncFullHistory: options.fullHistory,
    // History is read by `history/`, from the inbox; Baileys would load, decode and hold all of it.
    shouldSyncHistoryMessage: isBare,
    appStateMacVerification: { patch: true, snapshot: true },
    defaultQueryTimeoutMs: 30_000,
    // A commit that failed is not tried again: the session ends (`storage`) and the next one starts from what is stored.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    generateHighQualityLinkPreview: false,
  })
  const answerRetry = createRetryAnswers({
    socket: () => socket,
    storedMessage: options.storedMessage,
    answers: caches.retries.view(cachePrefix),
  })
  const refresh = { credentials: options.credentials, send: socket.sendNode, onRefreshed: options.onRegistrationRefreshed }
  const handledHere = new Map<string | symbol, (stanza: BinaryNode) => Promise<boolean>>([
    ['CB:receipt', answerRetry],
    ['CB:notification', (notification) => refreshRegistration(notification, refresh)],
  ])
  guardListeners(socket.ws, handledHere, options.onCrash)
  answerUnanswered(socket.ws)
  // Before whoever has asked is given the answer.
  socket.ws.on('frame', (frame: BinaryNode | Uint8Array) => {
    options.absentDevices.heed(frame)
    mendPartialAnswer(frame)
  })
  const raw = rawConnection(socket)
  if (raw === null) throw new Error('the library has made no connection')
  return { socket, gate: new WireGate(raw, options.commits) }
}

/** `dispatcher` is Node's own extension of fetch; the types Baileys uses for these options do not know it. */
const downloadOptions = (dispatcher: unknown): RequestInit => ({ dispatcher }) as RequestInit

type BaileysCache = NonNullable<SocketConfig['msgRetryCounterCache']>

const cacheOver = (view: CacheView<unknown>): BaileysCache => ({
  get: <T>(key: string) => view.get(key) as T | undefined,
  set: (key, value) => view.set(key, value),
  del: (key) => view.delete(key),
  flushAll: () => {},
})

/**
 * Before every retry receipt Baileys asks the own phone for the message too, and holds up all incoming messages for two seconds to do so.
 * A retry receipt is enough; telling it that the phone was asked already skips the wait. Stanzas that came without content still ask the phone.
 */
const placeholders = (view: CacheView<unknown>, undecryptable: CacheView<true>): BaileysCache => ({
  ...cacheOver(view),
  get: <T>(id: string) => (undecryptable.get(id) ?? view.get(id)) as T | undefined,
})

/**
 * Baileys' listeners are async and nobody looks at their promises: one frame that can't be opened would be an unhandled rejection and end the
 * process with all its tenants. Every listener gets a catch that ends this one socket.
 *
 * What it would do wrong (retry receipts for edits, of which it makes new messages; news for who is not linked yet) does not get to it.
 *
 * Messages are also handed over one at a time. Baileys puts them in line itself, but only after it has noted who the sender is: the second
 * message of a new contact, who is known by then, would overtake the first. And what had waited for us (`offline`) goes into a line of its
 * own there, which everything that comes live overtakes: for Baileys no message is `offline`. We have noted the attribute before.
 */
const guardListeners = (
  emitter: EventEmitter,
  /** By the stanzas' event; true: that was all to be done about it. */
  handledHere: ReadonlyMap<string | symbol, (stanza: BinaryNode) => Promise<boolean>>,
  onCrash: (error: unknown) => void,
): void => {
  for (const name of emitter.eventNames()) {
    const listeners = emitter.rawListeners(name)
    emitter.removeAllListeners(name)
    for (const listener of listeners) {
      const handle = async (values: unknown[]): Promise<void> => {
        try {
          await Reflect.apply(listener, emitter, values)
        } catch (error) {
          onCrash(error)
        }
      }
      const first = handledHere.get(name)
      if (first !== undefined) {
        emitter.on(name, async (stanza: BinaryNode) => {
          if (!(await first(stanza).catch(onCrash))) await handle([stanza])
        })
        continue
      }
      if (name === 'CB:message') emitter.on(name, inLine(handle))
      else emitter.on(name, (...values: unknown[]) => void handle(values))
    }
  }
}

/** Messages in a row before other instances get their turn of the event loop. */
const IN_A_ROW = 10

const inLine = (handle: (values: unknown[]) => Promise<void>): ((stanza: BinaryNode) => void) => {
  let last = Promise.resolve()
  let count = 0
  return (stanza) => {
    delete stanza.attrs.offline
    last = last.then(async () => {
      count += 1
      if (count % IN_A_ROW === 0) await nextTurn()
      await handle([stanza])
    })
  }
}

/** Ends a connection that does not answer a close, and stops or resumes reading. */
export interface RawConnection extends Writer {
  terminate(): void
  pause(): void
  resume(): void
}

/** The `ws` connection below Baileys' client, which has no such verbs itself. Null when it is gone. */
export const rawConnection = (socket: WASocket): RawConnection | null => {
  const raw: unknown = Reflect.get(socket.ws, 'socket')
  return typeof raw === 'object' && raw !== null && 'terminate' in raw ? (raw as RawConnection) : null
}
