/** WhatsApp through Baileys 7.0.0-rc14. */
import { DEFAULT_CONNECTION_CONFIG } from 'baileys'
import type { AddressGuard } from '../../../outbound/address-guard.ts'
import { createLogger, type Logger } from '../../../runtime/logging.ts'
import type { EngineFactory, SessionOptions } from '../../engine.ts'
import { createSharedCaches } from './caches.ts'
import { claimed } from './claims.ts'
import { createClientVersion, type Version } from './client-version.ts'
import { installCurve } from './curve.ts'
import type { Environment } from './environment.ts'
import { readGroupNews } from './group-news.ts'
import { Slots } from './history/slots.ts'
import { readInbox, withoutContent } from './inbox.ts'
import type { WhatsAppNetwork } from './network.ts'
import { directRoutes, proxiedRoutes, type Routes } from './proxy.ts'
import { BaileysSession } from './session.ts'
import { trustNetwork } from './trusted-root.ts'

export { parseNetwork, type WhatsAppNetwork } from './network.ts'

export interface BaileysEngineOptions {
  /** Null: the real WhatsApp. One process can only ever talk to one network. */
  network: WhatsAppNetwork | null
  /** Looks at the addresses of proxies and of media that is downloaded directly. */
  guard: AddressGuard
  /** Where history lies while it is read. */
  historyFolder: string
  /** Client version to announce, come what may; null: the one this library release was made for, and a newer one when WhatsApp wants that. */
  version?: Version | null
  /** Reads what WhatsApp Web serves at `/sw.js`. Left out: nobody is asked. */
  serviceWorker?: () => Promise<string>
  /** Of what concerns all instances. */
  logger?: Logger
  /** How long the sender of a message nobody could read has to repeat it before the own phone is asked, ms. Default 5 s, as whatsmeow. */
  askPhoneAfterMs?: number
}

const [primary = 2, secondary = 3000, tertiary = 0] = DEFAULT_CONNECTION_CONFIG.version
const libraryVersion: Version = [primary, secondary, tertiary]

/** Chunks of history read at the same time, over all instances. */
const CHUNKS_AT_ONCE = 4

/** Throws when the process already trusts another network. */
export const createBaileysEngine = ({
  network,
  guard,
  historyFolder,
  version = null,
  askPhoneAfterMs = 5_000,
  serviceWorker,
  logger = createLogger('silent'),
}: BaileysEngineOptions): EngineFactory => {
  installCurve()
  trustNetwork(network)
  const mediaCa = network?.mediaCa ?? null
  // Sessions without a proxy share their agents; only the owner of a proxy closes its own.
  const direct: Routes = { ...directRoutes({ mediaCa, guard }), close: () => {} }
  const url = network?.whatsappUrl ?? null
  const secureSocket = url === null || url.startsWith('wss:')
  const caches = createSharedCaches()
  const environment: Environment = {
    url,
    mediaHost: network === null ? null : new URL(network.mediaUrl).host,
    version: createClientVersion({
      first: version ?? libraryVersion,
      serviceWorker: version === null ? (serviceWorker ?? null) : null,
      logger,
    }),
    askPhoneAfterMs,
    caches,
    historyFolder,
    historySlots: new Slots(CHUNKS_AT_ONCE),
    routesFor: ({ proxy }) => (proxy === null ? direct : proxiedRoutes({ proxy, guard, mediaCa, secureSocket })),
  }
  return {
    capabilities: claimed,
    readInbox,
    withoutContent,
    readGroupNews,
    open: (options: SessionOptions) => new BaileysSession(options, environment),
    forget(instanceId) {
      for (const cache of Object.values(caches)) cache.drop(instanceId)
    },
  }
}
