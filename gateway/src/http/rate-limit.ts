/**
 * Fixed windows of one minute, aligned to the minute. rate-limiter-flexible begins a window at a key's first request and cannot align
 * it, and clients compare `X-RateLimit-Reset` between tokens; hence these lines of our own.
 */
import type { Clock } from '../runtime/clock.ts'

const windowMs = 60_000

export interface Verdict {
  allowed: boolean
  limit: number
  remaining: number
  /** Unix seconds at which the counter starts anew. */
  resetsAt: number
  /** Seconds until then, at least 1. */
  retryAfter: number
}

export interface RateLimit {
  /** Counts one request of `key` and tells whether it is within `limit`. */
  take(key: string, limit: number): Verdict
  /** The verdict the next `take` would give, without counting. */
  look(key: string, limit: number): Verdict
}

/** `capacity`: keys counted apart within a minute. Beyond it new keys share one counter, so that made-up keys can't fill the memory. */
export const createRateLimit = ({ clock, capacity }: { clock: Clock; capacity: number }): RateLimit => {
  let window = 0
  let counts = new Map<string, number>()

  const verdict = (key: string, limit: number, add: 0 | 1): Verdict => {
    const now = clock.now()
    const present = Math.floor(now / windowMs)
    if (present !== window) {
      window = present
      counts = new Map()
    }
    const counter = counts.has(key) || counts.size < capacity ? key : ''
    const used = counts.get(counter) ?? 0
    const allowed = used < limit
    if (allowed && add > 0) counts.set(counter, used + add)
    const resetsAt = (window + 1) * (windowMs / 1000)
    return {
      allowed,
      limit,
      remaining: Math.max(0, limit - used - add),
      resetsAt,
      retryAfter: Math.max(1, Math.ceil(resetsAt - now / 1000)),
    }
  }

  return {
    take: (key, limit) => verdict(key, limit, 1),
    look: (key, limit) => verdict(key, limit, 0),
  }
}

/** One counter per IPv4 address and per IPv6 /64: a single customer owns a whole /64. */
export const addressKey = (address: string): string => {
  if (address.startsWith('::ffff:')) return address.slice(7)
  if (!address.includes(':')) return address
  const [head = ''] = address.split('::')
  return `${head.split(':').slice(0, 4).join(':')}::/64`
}
