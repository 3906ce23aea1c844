/** When a delivery is tried again and when it is given up (decisions.md §3). Pure; the numbers are handed in so that tests run in milliseconds. */

export interface DeliveryRules {
  /** Milliseconds to wait before each attempt; the first is made at once. After the last one the delivery is a dead letter. */
  waits: readonly number[]
  /** 0.2 = every wait is spread by ±20 %, so that receivers that were down together are not visited together. */
  jitter: number
  timeoutMs: number
  /** Failures in a row after which only one delivery at a time is tried. */
  probeAfter: number
  /** Pause between such tries. */
  probeEveryMs: number
  /** Deliveries to one webhook at the same time. */
  perWebhook: number
  /** How long a claimed lane belongs to its worker, should the process be killed; longer than most attempts take. */
  leaseMs: number
  /** A receiver that asks for more patience than this gets this much. */
  longestRetryAfterMs: number
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

export const usualRules: DeliveryRules = {
  waits: [0, 5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour],
  jitter: 0.2,
  timeoutMs: 15 * second,
  probeAfter: 5,
  probeEveryMs: 5 * second,
  perWebhook: 8,
  leaseMs: 30 * second,
  longestRetryAfterMs: 24 * hour,
}

export type Outcome =
  | { kind: 'taken'; status: number }
  /** 410: the receiver wants nothing more, ever. */
  | { kind: 'gone'; status: number; error: string }
  | { kind: 'failed'; status: number | null; error: string; retryAfterMs: number | null }

/** What an answer means: 2xx took it, 410 ended it, all else failed; a redirect too, since following it could lead anywhere. */
export const outcomeOf = (status: number, retryAfter: string | undefined, now: number): Outcome => {
  if (status >= 200 && status < 300) return { kind: 'taken', status }
  const error = `answered ${status}`
  if (status === 410) return { kind: 'gone', status, error }
  return { kind: 'failed', status, error, retryAfterMs: retryAfterMs(retryAfter, now) }
}

/** `Retry-After` in seconds or as an HTTP date. Null when there is none or it makes no sense. */
export const retryAfterMs = (value: string | undefined, now: number): number | null => {
  const text = value?.trim()
  if (!text) return null
  if (/^\d{1,9}$/.test(text)) return Number(text) * second
  // An HTTP date begins with the day's name; what else Date.parse would make something of is a mistake.
  const date = /^[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

/**
 * Milliseconds until the next attempt after `failed` failures, null when that was the last. `random` is 0–1. A receiver's `Retry-After`
 * can make the wait longer, never shorter.
 */
export const waitAfter = (rules: DeliveryRules, failed: number, retryAfter: number | null, random: number): number | null => {
  const usual = rules.waits[failed]
  if (usual === undefined) return null
  const spread = usual * (1 + rules.jitter * (2 * random - 1))
  return Math.round(Math.max(spread, Math.min(retryAfter ?? 0, rules.longestRetryAfterMs)))
}
