/**
 * The life of an instance: which states there are, what leads from one to the next, how long each may last. Decides, does nothing.
 *
 *                 connect,               code (each new QR again)
 *                 retry                   ┌──────┐
 *   disconnected ───────▶ connecting ─────┴▶ qr ─┴─ expired ─▶ closed ── connect ─▶ connecting
 *      ▲  ▲  ▲             │   │  ▲          │
 *      │  │  └─ failed, ───┘   │  └─ paired ─┘
 *      │  │     lost ⟳        │ open
 *      │  └──── lost ⟳ ──── connected
 *      └─ replaced, outdated ──┘
 *
 *   connecting, qr, connected ── unlinked ─▶ loggedout ── connect ─▶ connecting
 *   connecting, qr, connected ── banned ───▶ banned ───── connect ─▶ connecting
 *   any ── logout ─▶ loggedout           any with a saved session ── reconnect ─▶ connecting
 *   any ── delete ─▶ deleting (no way back)
 *
 * ⟳ is tried again by the supervisor, after a wait that grows (`runtime/backoff.ts`), for as long as the instance is wanted.
 * `wanted` is what the owner wants, stored beside the state: it is set by connecting and taken back by everything that trying again
 * cannot mend. After a restart of the gateway every wanted instance with a session is connected again.
 *
 * No state waits for ever: `connecting` and `qr` end by `limitOf`, a wanted `disconnected` by the next retry, `deleting` by the limit of
 * the log-out.
 */
import type { InstanceState } from '../storage/schema.ts'
import type { CloseReason } from '../whatsapp/engine.ts'

export type LifeCycleInput =
  /** A session was started: by the owner, … */
  | 'connect'
  /** … by the owner who asked to use the saved session again, … */
  | 'reconnect'
  /** … or by the supervisor. */
  | 'retry'
  /** A QR or a pairing code waits to be used. */
  | 'code'
  /** The phone accepted us. */
  | 'paired'
  | 'open'
  /** Ended, but trying again may help: there is a saved session. */
  | 'lost'
  /** Ended before anything was linked. */
  | 'failed'
  /** Nobody used the code. */
  | 'expired'
  | 'replaced'
  | 'outdated'
  | 'banned'
  /** WhatsApp refused the session, or it was removed on the phone. */
  | 'unlinked'
  /** The owner asked for it. */
  | 'logout'
  | 'delete'

/** The states of the event `instance.state` that a change of state is announced with (core.md §7.6). */
export type AnnouncedState =
  | 'connected'
  | 'disconnected'
  | 'qr_ready'
  | 'pair_success'
  | 'manual_reconnect'
  | 'connect_failure'
  | 'stream_replaced'
  | 'client_outdated'
  | 'temp_banned'
  | 'logged_out'

export interface Edge {
  to: InstanceState
  /** Null: nothing to tell. */
  announce: AnnouncedState | null
  /** What the owner wants from here on; absent: as before. */
  wanted?: boolean
  /** Credentials and keys are worthless now and are removed. */
  wipe?: boolean
}

/** Where `input` leads from `state`; null when it means nothing there and is to be ignored. */
export const edge = (state: InstanceState, input: LifeCycleInput): Edge | null => edges[state][input] ?? null

const connect: Edge = { to: 'connecting', announce: null, wanted: true }
const reconnect: Edge = { to: 'connecting', announce: 'manual_reconnect', wanted: true }
const logout: Edge = { to: 'loggedout', announce: 'logged_out', wanted: false, wipe: true }
/** `wanted` stays as it was: in a deletion it says whether a log-out is owed. */
const remove: Edge = { to: 'deleting', announce: null }

const atRest = { connect, reconnect, logout, delete: remove }

const whileInUse = {
  reconnect,
  logout,
  delete: remove,
  replaced: { to: 'disconnected', announce: 'stream_replaced', wanted: false },
  outdated: { to: 'disconnected', announce: 'client_outdated', wanted: false },
  banned: { to: 'banned', announce: 'temp_banned', wanted: false },
  unlinked: logout,
} as const satisfies Partial<Record<LifeCycleInput, Edge>>

const whilePairing = {
  ...whileInUse,
  connect,
  code: { to: 'qr', announce: 'qr_ready' },
  paired: { to: 'connecting', announce: 'pair_success' },
  open: { to: 'connected', announce: 'connected', wanted: true },
  lost: { to: 'disconnected', announce: 'connect_failure' },
  failed: { to: 'disconnected', announce: 'connect_failure', wanted: false },
  expired: { to: 'closed', announce: 'disconnected', wanted: false },
} as const satisfies Partial<Record<LifeCycleInput, Edge>>

const edges: Readonly<Record<InstanceState, Partial<Record<LifeCycleInput, Edge>>>> = {
  // `failed`: the supervisor finds no saved session to try with.
  disconnected: { ...atRest, retry: { to: 'connecting', announce: null }, failed: { to: 'disconnected', announce: null, wanted: false } },
  connecting: whilePairing,
  qr: whilePairing,
  connected: { ...whileInUse, lost: { to: 'disconnected', announce: 'disconnected' } },
  closed: atRest,
  loggedout: { ...atRest, logout: { ...logout, announce: null } },
  banned: atRest,
  deleting: {},
}

/** What the end of a session means. `linked`: WhatsApp knows this session, so that trying again can succeed. */
export const inputOfClose = (reason: CloseReason, linked: boolean): LifeCycleInput => {
  switch (reason) {
    case 'replaced':
    case 'outdated':
    case 'banned':
      return reason
    case 'logged-out':
      return 'unlinked'
    case 'qr-expired':
      return 'expired'
    default:
      return linked ? 'lost' : 'failed'
  }
}

/** How long things may take, milliseconds. */
export interface LifeCycleLimits {
  /** From the start of a session to its first QR or code. */
  firstCodeMs: number
  /** From the start of a linked session, or from pairing, until it is open. */
  openMs: number
  /** From a QR to the next one or to its use; also the life of a pairing code. */
  codeMs: number
  /** All of a log-out, including a connection made for it. */
  logoutMs: number
  /** Until a session that was told to stop has stopped. */
  stopMs: number
  /** First and longest wait between two tries. */
  retryFirstMs: number
  retryMaxMs: number
  /** A connection that lasted this long was a good one: the next wait is the first again. */
  stableMs: number
}

/** `codeMs`: WhatsApp itself gives up after 160 s (six QR codes) and forgets pairing codes after about three minutes. */
export const defaultLimits: LifeCycleLimits = {
  firstCodeMs: 60_000,
  openMs: 30_000,
  codeMs: 190_000,
  logoutMs: 10_000,
  stopMs: 10_000,
  retryFirstMs: 2_000,
  retryMaxMs: 300_000,
  stableMs: 30_000,
}

/** How long a state may last and what its end by time means; null: it ends otherwise. */
export const limitOf = (state: InstanceState, linked: boolean, limits: LifeCycleLimits): { ms: number; input: LifeCycleInput } | null => {
  if (state === 'connecting') return linked ? { ms: limits.openMs, input: 'lost' } : { ms: limits.firstCodeMs, input: 'failed' }
  if (state === 'qr') return { ms: limits.codeMs, input: 'expired' }
  return null
}

/** The state for people. */
export const displayStatus: Readonly<Record<InstanceState, string>> = {
  disconnected: 'Disconnected',
  connecting: 'Connecting',
  qr: 'Waiting for the code to be used',
  closed: 'Code expired',
  connected: 'Connected',
  loggedout: 'Logged out',
  banned: 'Banned by WhatsApp',
  deleting: 'Being deleted',
}
