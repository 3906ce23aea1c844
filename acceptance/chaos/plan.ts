/**
 * What will happen in a run, decided before it begins: who writes to whom, which fault strikes whom, when the gateway is killed, how
 * receivers fail. Pure: a seed and a scale give the plan. What becomes of it also depends on timing, so a seed repeats the causes and not
 * every effect.
 */
import { type Misfortune, misfortune, type Reach } from './misfortunes.ts'
import { createRandom, type Random } from './random.ts'

export interface Scale {
  lines: number
  friends: number
  receivers: number
  /** Length of each round of fire, ms; the gateway is ended in every round but those whose `restarts` is 0. */
  rounds: readonly { ms: number; restarts: number }[]
  /** Texts per second in all, and misfortunes per second. */
  texts: number
  misfortunes: number
  reach: Reach
}

/** For `npm test`. */
export const shortScale: Scale = {
  lines: 20,
  friends: 8,
  receivers: 3,
  rounds: [
    { ms: 7_000, restarts: 2 },
    { ms: 5_000, restarts: 0 },
  ],
  texts: 14,
  misfortunes: 5,
  reach: 'short',
}

/** For `npm run soak`: a minute a round; every second one leaves the process alone, so that leaks can show. */
export const soakScale = (minutes: number): Scale => ({
  lines: 20,
  friends: 10,
  receivers: 3,
  rounds: Array.from({ length: Math.max(2, Math.round(minutes)) }, (_, index) => ({ ms: 60_000, restarts: index % 2 === 0 ? 4 : 0 })),
  texts: 14,
  misfortunes: 2.5,
  reach: 'long',
})

/** Somebody who writes: an instance over the API, the phone it belongs to, or a friend's phone. */
export type Speaker = { kind: 'line' | 'owner' | 'friend'; index: number }

/** `at`: milliseconds after the round began. */
export type Step = { at: number } & (
  | { kind: 'say'; from: Speaker; to: Speaker }
  | { kind: 'misfortune'; what: Misfortune }
  | { kind: 'end'; how: 'SIGTERM' | 'SIGKILL' }
)

export interface Plan {
  seed: number
  /** Steps of each round, in the order of time. */
  rounds: readonly { ms: number; steps: readonly Step[] }[]
}

export const makePlan = (seed: number, scale: Scale): Plan => {
  const random = createRandom(seed)
  return {
    seed,
    rounds: scale.rounds.map((round) => ({
      ms: round.ms,
      steps: [...talk(random, scale, round.ms), ...misfortunes(random, scale, round.ms), ...ends(random, round)].sort(
        (a, b) => a.at - b.at,
      ),
    })),
  }
}

const talk = (random: Random, scale: Scale, ms: number): Step[] =>
  Array.from({ length: Math.round((ms / 1000) * scale.texts) }, () => {
    const from = speaker(random, scale)
    return { at: random.between(0, ms), kind: 'say', from, to: listener(random, scale, from) }
  })

const speaker = (random: Random, { lines, friends }: Scale): Speaker => {
  if (random.oneIn(2)) return { kind: 'line', index: random.whole(0, lines - 1) }
  return random.oneIn(4) ? { kind: 'owner', index: random.whole(0, lines - 1) } : { kind: 'friend', index: random.whole(0, friends - 1) }
}

/** Friends write to instances; instances and their owners to both. A few pairs talk much, so that their chats have an order to keep. */
const listener = (random: Random, { lines, friends }: Scale, from: Speaker): Speaker => {
  if (from.kind !== 'friend' && random.oneIn(2)) return { kind: 'friend', index: (from.index + random.whole(0, 1)) % friends }
  const index = random.oneIn(3) ? random.whole(0, lines - 1) : (from.index * 2 + random.whole(0, 1)) % lines
  const itself = from.kind !== 'friend' && index === from.index
  return { kind: 'line', index: itself ? (index + 1) % lines : index }
}

const misfortunes = (random: Random, scale: Scale, ms: number): Step[] => {
  const spared = new Map<string, number>()
  return (
    Array.from({ length: Math.round((ms / 1000) * scale.misfortunes) }, () => random.between(0, ms))
      .sort((a, b) => a - b)
      .map((at) => ({ at, kind: 'misfortune' as const, what: misfortune(random, scale) }))
      // Every lost connection doubles the wait for the next one: who was just struck that way is spared for a while.
      .filter(({ at, what }) => {
        if (what.spare === null) return true
        const { whom, ms: pause } = what.spare
        if (at < (spared.get(whom) ?? 0)) return false
        spared.set(whom, at + pause)
        return true
      })
  )
}

/** Spread over the round, in turn by force and in order. */
const ends = (random: Random, { ms, restarts }: Scale['rounds'][number]): Step[] =>
  Array.from({ length: restarts }, (_, index) => ({
    at: ((index + random.between(0.2, 0.8)) / restarts) * ms,
    kind: 'end',
    how: index % 2 === 0 ? 'SIGKILL' : 'SIGTERM',
  }))
