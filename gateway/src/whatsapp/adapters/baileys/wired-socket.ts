/**
 * A socket and everything that lives exactly as long: the writes of its session, keys, Signal, who is who, what is reported of it. Right after
 * pairing WhatsApp wants a second one; nothing of the first then works for it.
 */
import type { WASocket } from 'baileys'
import type { Address, SessionOptions } from '../../engine.ts'
import type { EventQueue } from '../event-queue.ts'
import { AbsentDevices } from './absent-devices.ts'
import { completed } from './addresses.ts'
import { type AppStateConnection, type OpenedAppState, openAppState } from './app-state/open.ts'
import { createAuthKeys } from './auth-keys.ts'
import { becomeActive } from './being-active.ts'
import type { Credentials } from './credentials.ts'
import { DeviceLists } from './device-lists.ts'
import type { Environment } from './environment.ts'
import { engineErrorOf, isRefusal } from './errors.ts'
import type { GroupSide } from './group-side.ts'
import { guardedIdentities } from './guarded-identities.ts'
import type { HistorySync } from './history/history-sync.ts'
import { MovedGroups } from './moved-groups.ts'
import type { PostChanges } from './newsletter-posts.ts'
import type { NewsletterReactions } from './newsletter-reactions.ts'
import type { PlaceNames } from './place-names.ts'
import type { Routes } from './proxy.ts'
import { Reports } from './reports.ts'
import { Commits } from './signal/commits.ts'
import { LidMappings } from './signal/lid-mapping.ts'
import { SignalRepository } from './signal/repository.ts'
import { openSocket } from './socket.ts'
import type { StanzaNotes } from './stanzas.ts'
import { resendRequest, Unreadable } from './unreadable.ts'
import type { WireGate } from './wire-gate.ts'

export interface WiredSocket {
  readonly socket: WASocket
  readonly gate: WireGate
  readonly commits: Commits
  readonly repository: SignalRepository
  readonly mappings: LidMappings
  readonly devices: DeviceLists
  readonly absentDevices: AbsentDevices
  readonly unreadable: Unreadable
  readonly reports: Reports
  readonly appState: OpenedAppState
}

/** The session it is for, which may see more than one of them. */
export interface WiredConnection extends AppStateConnection {
  readonly options: SessionOptions
  readonly self: Address
  readonly names: PlaceNames
  readonly groupSide: GroupSide
  readonly history: HistorySync
  readonly reactions: NewsletterReactions
  readonly postChanges: PostChanges
  flushed(): Promise<void>
}

interface Wiring {
  credentials: Credentials
  routes: Routes
  environment: Environment
  cachePrefix: string
  stanzas: StanzaNotes
  queue: EventQueue
  onStorageFailure(error: unknown): void
  /** It begins to close, for whatever reason. */
  onClosing(socket: WASocket): void
  /** The secret in the QR has been replaced. */
  onRegistrationRefreshed(): void
}

/** Opens it: from here on it connects. */
export const wireSocket = (connection: WiredConnection, wiring: Wiring): WiredSocket => {
  const { credentials, routes, environment, cachePrefix, stanzas, queue, onStorageFailure, onClosing, onRegistrationRefreshed } = wiring
  const { groupSide, history } = connection
  const { store, logger, instanceId, ...options } = connection.options
  const { caches, url, mediaHost, version } = environment
  const devices = new DeviceLists(store, caches.devices.view(cachePrefix), onStorageFailure)
  const undecryptable = caches.undecryptable.view(cachePrefix)
  const identities = guardedIdentities(options.identities, onStorageFailure)
  const commits = new Commits({
    store,
    onRows: (rows) => signal().reports.rows(rows),
    onHistory: () => history.wake(),
    onFailure: onStorageFailure,
  })
  const absentDevices = new AbsentDevices(devices, (address) => completed(address, signal().mappings))
  const unreadable = new Unreadable({
    commit: (batch) => commits.add(batch),
    loadAwaited: (limit) => store.loadAwaited(limit),
    askPhone: (messageKey) => socket.sendPeerDataOperationMessage(resendRequest(messageKey)),
    isHandled: (id) => undecryptable.set(id, true),
    self: () => connection.self,
    askPhoneAfterMs: environment.askPhoneAfterMs,
    logger,
  })

  /** Made by the library while it makes the socket: the repository asks through it, and it through the repository. */
  let made: Pick<WiredSocket, 'repository' | 'mappings' | 'reports'> | null = null
  const signal = () => {
    if (made === null) throw new Error('the library has made no Signal repository')
    return made
  }
  const makeRepository = (askLids: ConstructorParameters<typeof LidMappings>[2]) => {
    const mappings = new LidMappings(identities, caches.identities.view(instanceId), askLids, logger)
    const repository = new SignalRepository({
      credentials: credentials.value,
      store,
      commits,
      cache: caches.signal.view(cachePrefix),
      mappings,
      stanzas,
      logger,
      onRowAgain: (row) => signal().reports.rows([row]),
      onUndecryptable: (attributes, reason) => unreadable.note(attributes, reason),
      onStorageFailure,
    })
    const reports = new Reports({
      queue,
      stanzas,
      mappings,
      devices,
      unreadable,
      self: () => connection.self,
      keep: (row) => commits.add({ put: [], remove: [], inbox: [row] }),
      release: (row) => repository.release(row),
      flushed: () => connection.flushed(),
      onNamed: (place) => connection.names.heard([place]),
      reactions: connection.reactions,
      onGroupNews: (news) => groupSide.news(news),
      movedGroups: new MovedGroups({
        lists: groupSide.lists,
        socket: () => socket,
        storedMessage: (id) => options.storedMessage(id),
        rewritten: caches.retries.view(cachePrefix),
      }),
      acknowledged: (id) => connection.postChanges.acknowledged(id),
    })
    made = { repository, mappings, reports }
    return { repository, mappings }
  }

  const { socket, gate } = openSocket({
    url,
    version: version.current,
    routes,
    credentials: credentials.value,
    keys: createAuthKeys({
      store,
      tokens: caches.tokens.view(cachePrefix),
      holders: groupSide.holders,
      forgetSessions: (addresses) => signal().repository.forgetAddresses(addresses),
      flushCredentials: () => credentials.flush(),
      onAppStateKey: (id, key) => appState.keys.stored(id, key),
      onStorageFailure,
    }),
    keepOnline: options.keepOnline,
    fullHistory: history.wantsFull,
    deviceLists: devices,
    groupLists: groupSide.lists,
    caches,
    cachePrefix,
    storedMessage: (id) => options.storedMessage(id),
    commits,
    makeRepository,
    logger,
    onCrash: (error) => {
      // To a question the library had by itself. It would have it again on the next connection, and that would end too.
      if (isRefusal(error)) logger.warn({ error: engineErrorOf(error).message }, 'WhatsApp did not tell what the library asked')
      else giveUp(error, 'the WhatsApp connection broke')
    },
    onClosing: () => onClosing(socket),
    onRegistrationRefreshed,
    absentDevices,
  })
  const giveUp = (error: unknown, what: string): void => {
    logger.warn({ error: error instanceof Error ? error.message : String(error) }, what)
    void socket.end(error instanceof Error ? error : new Error(what))
  }
  becomeActive(socket, {
    request: async (node) => connection.request(node),
    onRefused: (error) => giveUp(error, 'WhatsApp does not take the connection for active'),
  })
  const appState = openAppState(connection, { socket, credentials, routes, mediaHost, onStorageFailure })
  return { socket, gate, commits, ...signal(), devices, absentDevices, unreadable, appState }
}
