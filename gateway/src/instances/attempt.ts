/** One session of an instance while it lasts. */
import type { EngineSession } from '../whatsapp/engine.ts'
import type { LifeCycleInput } from './life-cycle.ts'

/** A session in use, with what is known of it so far. */
export interface Attempt {
  readonly session: EngineSession
  readonly by: 'owner' | 'supervisor'
  /** Digits; set when a pairing code was asked for in place of a QR. */
  readonly number: string | null
  readonly historyDays: number | null
  /** A QR has somebody who looks at it; otherwise only the saved session is of use. */
  readonly mayPair: boolean
  /** WhatsApp knows this session: it was saved before, or has been paired by now. */
  linked: boolean
  /** The code that waits to be used. */
  code: PairingCode | null
  /** When it opened, ms. */
  openSince: number | null
  /** Resolves when the session opens, or with what its end means; also after it was let go of. */
  readonly opening: Promise<'open' | LifeCycleInput>
  /** What those who wait are told since it was let go of. */
  ended: Outcome | null
  readonly waiters: Set<(outcome: Outcome) => void>
  timer: NodeJS.Timeout | null
  /** Gives the place among the simultaneous connects back. */
  release(): void
}

export type PairingCode = { kind: 'qr'; text: string; expiresAt: number } | { kind: 'pairing-code'; text: string; expiresAt: number }

/** What those who wait for a session are told first. */
export type Outcome =
  | { kind: 'code'; code: PairingCode }
  | { kind: 'open' }
  | { kind: 'ended'; input: LifeCycleInput | null; detail: string }
