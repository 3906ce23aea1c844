import type { SessionOptions } from '../../engine.ts'
import type { SharedCaches } from './caches.ts'
import type { ClientVersion } from './client-version.ts'
import type { Slots } from './history/slots.ts'
import type { Routes } from './proxy.ts'

/** What every session of a process shares. */
export interface Environment {
  /** Null: the real WhatsApp. */
  url: string | null
  mediaHost: string | null
  version: ClientVersion
  caches: SharedCaches
  /** Where chunks of history lie while they are read. */
  historyFolder: string
  historySlots: Slots
  /** How long the sender of an unreadable message has before the own phone is asked for it. */
  askPhoneAfterMs: number
  routesFor(session: SessionOptions): Routes
}
