/** All that can go wrong, and how likely each is. Pure: chance is handed in. */
import type { Json } from '../toolkit/json.ts'
import type { Random } from './random.ts'

/** How a webhook receiver behaves. */
export type Mood =
  | { kind: 'fine' }
  | { kind: 'answers'; status: number; retryAfter: string | null }
  /** Hangs up before reading anything, … */
  | { kind: 'resets' }
  /** … or after reading everything, which only the receiver knows. */
  | { kind: 'cuts' }
  /** Says nothing until it is fine again, then hangs up. */
  | { kind: 'hangs' }
  | { kind: 'slow'; ms: number }

export type Misfortune = {
  /** Nobody is struck this way twice within `ms`. */
  spare: { whom: string; ms: number } | null
} & (
  | { kind: 'fault'; fault: FaultOn; forMs: number | null }
  | { kind: 'offline'; who: { kind: 'owner' | 'friend'; index: number }; forMs: number }
  | { kind: 'receiver'; index: number; mood: Mood; forMs: number }
)

/** A fault of docs/simulator.md; `line` becomes the number in its `match`. Null: everybody. */
export interface FaultOn {
  line: number | null
  action: string
  match: { tag?: string; xmlns?: string; direction?: 'in' | 'out' }
  more: { [key: string]: Json }
}

/** `short` leaves out what takes the gateway half a minute to notice. */
export type Reach = 'short' | 'long'

interface Crowd {
  lines: number
  friends: number
  receivers: number
  reach: Reach
}

type Maker = (random: Random, crowd: Crowd) => Misfortune

export const misfortune = (random: Random, crowd: Crowd): Misfortune => {
  const weighted = crowd.reach === 'long' ? [...common, ...slow] : common
  let left = random.between(
    0,
    weighted.reduce((sum, [weight]) => sum + weight, 0),
  )
  for (const [weight, make] of weighted) {
    left -= weight
    if (left < 0) return make(random, crowd)
  }
  throw new Error('no misfortune was drawn')
}

const TALK = ['message', 'receipt', 'ack'] as const
const ANY = [...TALK, 'notification', 'iq'] as const
const DIRECTIONS = ['in', 'out'] as const

/** On one line's own connection. */
const onLine = (
  random: Random,
  { lines }: Crowd,
  action: string,
  match: FaultOn['match'],
  more: FaultOn['more'],
  forMs: number | null = null,
): Misfortune => ({ kind: 'fault', fault: { line: random.whole(0, lines - 1), action, match, more }, forMs, spare: null })

/** The same, where it costs the connection. */
const cutting = (random: Random, crowd: Crowd, action: string, more: FaultOn['more'] = {}, forMs: number | null = null): Misfortune => {
  const line = random.whole(0, crowd.lines - 1)
  return {
    kind: 'fault',
    fault: { line, action, match: {}, more },
    forMs,
    spare: { whom: `connection ${line}`, ms: crowd.reach === 'short' ? 60_000 : 15_000 },
  }
}

const receiverMood = (random: Random, { receivers, reach }: Crowd): Misfortune => {
  const index = random.whole(0, receivers - 1)
  const mood = random.pick<Mood>([
    { kind: 'answers', status: random.pick([500, 502, 503, 404, 302]), retryAfter: null },
    { kind: 'answers', status: random.pick([429, 503]), retryAfter: String(random.whole(1, 3)) },
    { kind: 'resets' },
    { kind: 'cuts' },
    { kind: 'hangs' },
    { kind: 'slow', ms: random.whole(100, 1_500) },
  ])
  const forMs = reach === 'short' ? random.whole(1_000, 3_000) : random.whole(1_000, 20_000)
  // Attempts grow minutes apart after the third failure.
  return { kind: 'receiver', index, mood, forMs, spare: { whom: `receiver ${index}`, ms: reach === 'short' ? 60_000 : forMs + 15_000 } }
}

const offline = (random: Random, { lines, friends, reach }: Crowd): Misfortune => {
  const owner = random.oneIn(2)
  const who = owner
    ? ({ kind: 'owner', index: random.whole(0, lines - 1) } as const)
    : ({ kind: 'friend', index: random.whole(0, friends - 1) } as const)
  const forMs = reach === 'short' ? random.whole(500, 3_000) : random.whole(1_000, 20_000)
  return { kind: 'offline', who, forMs, spare: { whom: `${who.kind} ${who.index}`, ms: forMs + 500 } }
}

const common: readonly (readonly [number, Maker])[] = [
  [4, (r, c) => onLine(r, c, 'drop', { tag: r.pick(TALK), direction: r.pick(DIRECTIONS) }, { times: r.whole(1, 2) })],
  [
    4,
    (r, c) =>
      onLine(r, c, 'delay', { tag: r.pick(ANY), direction: r.pick(DIRECTIONS) }, { times: r.whole(1, 10), ms: r.whole(20, 1_500) }, 5_000),
  ],
  [4, (r, c) => onLine(r, c, 'duplicate', { tag: r.pick(ANY), direction: r.pick(DIRECTIONS) }, { times: r.whole(1, 5) }, 5_000)],
  [4, (r, c) => onLine(r, c, 'reorder', { tag: r.pick(TALK), direction: r.pick(DIRECTIONS) }, { times: r.whole(1, 4) }, 5_000)],
  [4, (r, c) => onLine(r, c, 'corrupt', { tag: 'message', direction: r.pick(DIRECTIONS) }, { times: r.whole(1, 2) })],
  [2, (r, c) => onLine(r, c, 'ack-error', {}, { times: 1, code: r.pick([400, 463, 479, 500]) })],
  [
    2,
    (r, c) =>
      onLine(r, c, 'iq-error', { xmlns: r.pick(['usync', 'encrypt', 'privacy']) }, { times: r.whole(1, 3), code: r.pick([429, 500, 503]) }),
  ],
  [3, (r, c) => cutting(r, c, 'close')],
  [3, (r, c) => cutting(r, c, 'stream-error', { code: r.pick([500, 503, 515, 516]) })],
  [2, (r, c) => cutting(r, c, 'refuse-connections', {}, r.whole(1_000, 3_000))],
  // Frames nobody can open, either way.
  [2, (r, c) => ({ ...cutting(r, c, 'corrupt', { times: 1 }), forMs: 5_000 })],
  [
    1,
    (r) => ({
      kind: 'fault',
      fault: { line: null, action: 'refuse-connections', match: {}, more: {} },
      forMs: r.whole(500, 2_000),
      spare: { whom: 'network', ms: 20_000 },
    }),
  ],
  [5, offline],
  [5, receiverMood],
]

const slow: readonly (readonly [number, Maker])[] = [
  [2, (r, c) => onLine(r, c, 'drop', { tag: 'iq', direction: r.pick(DIRECTIONS) }, { times: r.whole(1, 2) }, 20_000)],
  [2, (r, c) => cutting(r, c, 'silence', {}, r.whole(500, 3_000))],
  [1, (r, c) => cutting(r, c, 'silence', { times: 1 })],
  [1, (r, c) => cutting(r, c, 'refuse-connections', {}, r.whole(5_000, 20_000))],
  // Another client took the line over: the instance stays away until its owner reconnects it.
  [1, (r, c) => cutting(r, c, 'stream-error', { code: 440 })],
  [1, (r, c) => onLine(r, c, 'iq-error', {}, { times: r.whole(3, 10), code: r.pick([429, 500, 503]) }, 10_000)],
]
