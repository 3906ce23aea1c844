/** App state of one connection: what it needs of the socket, and what makes it read. */
import type { BinaryNode, WASocket } from 'baileys'
import type { SessionOptions } from '../../../engine.ts'
import type { PendingEvent } from '../../event-queue.ts'
import type { Credentials } from '../credentials.ts'
import { guardedBy } from '../guarding.ts'
import type { Routes } from '../proxy.ts'
import { AppState, type AppStateOptions } from './app-state.ts'
import { downloadBlob } from './blobs.ts'
import { keyRequest, loadKeys, PhoneKeys } from './phone-keys.ts'
import { changedIn } from './sync-nodes.ts'
import { type TellingOptions, tellNews } from './telling.ts'

export interface AppStateConnection extends Pick<TellingOptions, 'completed' | 'learn'> {
  readonly options: Pick<SessionOptions, 'store' | 'logger'>
  request(node: BinaryNode): Promise<BinaryNode>
  /** Runs a call of the library. */
  ask<T>(call: () => Promise<T>): Promise<T>
  report(event: PendingEvent): void
  reported(): Promise<void>
}

interface Parts {
  socket: WASocket
  credentials: Credentials
  routes: Routes
  mediaHost: string | null
  /** Must close the socket before it returns. */
  onStorageFailure(error: unknown): void
}

export interface OpenedAppState {
  appState: AppState
  keys: PhoneKeys
}

export const openAppState = (connection: AppStateConnection, parts: Parts): OpenedAppState => {
  const { socket, credentials, routes, mediaHost } = parts
  const { logger } = connection.options
  const guarded = guardedBy(parts.onStorageFailure)
  const store: AppStateOptions['store'] = {
    load: (kind, ids) => guarded(() => connection.options.store.load(kind, ids)),
    commit: (batch) => guarded(() => connection.options.store.commit(batch)),
  }
  // Or Baileys would hold events back until history has come, and then read app state in its own way.
  credentials.value.accountSyncCounter ||= 1
  const keys = new PhoneKeys({
    load: (ids) => loadKeys(store, ids),
    writing: credentials.value.myAppStateKeyId ?? null,
    ask: (ids) => connection.ask(() => keyRequest(socket, ids)),
    onArrival: () => appState.opened(),
  })
  const appState = new AppState({
    store,
    keys,
    request: (node) => connection.request(node),
    download: (blob) => connection.ask(() => downloadBlob(blob, routes, mediaHost)),
    tell: (news) =>
      tellNews(news, {
        socket,
        report: (event) => connection.report(event),
        taken: () => connection.reported(),
        completed: (address) => connection.completed(address),
        learn: (pairs) => connection.learn(pairs),
        logger,
      }),
    logger,
  })
  socket.ws.prependListener('CB:notification,type:server_sync', (notification: BinaryNode) => {
    appState.changed(changedIn(notification))
    // Baileys would read it too, in its own way. It still says that the notification has come.
    notification.content = []
  })
  socket.ev.on('creds.update', ({ myAppStateKeyId }) => {
    // Baileys takes the last one that came, also when it is an old one that was asked for, or has nothing in it.
    if (myAppStateKeyId === undefined) return
    if (keys.writing === null) delete credentials.value.myAppStateKeyId
    else credentials.value.myAppStateKeyId = keys.writing
    credentials.changed()
  })
  return { appState, keys }
}
