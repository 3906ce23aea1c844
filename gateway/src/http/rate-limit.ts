/**
 * Fixed windows of one minute, aligned to the minute. rate-limiter-flexible begins a window at a key's first request and cannot align
 * it, and clients compare `X-RateLimit-Reset` between tokens; hence these lines of our own.
 */
import type { FastifyReply } from 'fastify'
import type { Clock } from '../runtime/clock.ts'
import { errors } from './errors.ts'

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
  /** Takes back what the `take` with this verdict counted. */
  giveBack(key: string, verdict: Verdict): void
}

/** `capacity`: keys counted apart within a minute. Beyond it new keys share one counter, so that made-up keys can't fill the memory. */
export const createRateLimit = ({ clock, capacity }: { clock: Clock; capacity: number }): RateLimit => {
  let window = 0
  let counts = new Map<string, number>()
  const counterOf = (key: string) => (counts.has(key) || counts.size < capacity ? key : '')

  return {
    take: (key, limit) => {
      const now = clock.now()
      const present = Math.floor(now / windowMs)
      // A clock that is put back a little must not open a window a second time.
      if (present > window || present < window - 1) {
        window = present
        counts = new Map()
      }
      const counter = counterOf(key)
      const used = counts.get(counter) ?? 0
      const allowed = used < limit
      if (allowed) counts.set(counter, used + 1)
      const resetsAt = resetOf(window)
      return {
        allowed,
        limit,
        remaining: Math.max(0, limit - used - 1),
        resetsAt,
        retryAfter: Math.max(1, Math.ceil(resetsAt - now / 1000)),
      }
    },
    giveBack: (key, { resetsAt }) => {
      if (resetsAt !== resetOf(window)) return
      const counter = counterOf(key)
      const used = counts.get(counter) ?? 0
      if (used > 0) counts.set(counter, used - 1)
    },
  }
}

const resetOf = (window: number): number => (window + 1) * (windowMs / 1000)

/** Writes the three headers and refuses what is over the limit. */
export const spend = (reply: FastifyReply, verdict: Verdict): void => {
  reply.header('x-ratelimit-limit', verdict.limit)
  reply.header('x-ratelimit-remaining', verdict.remaining)
  reply.header('x-ratelimit-reset', verdict.resetsAt)
  if (!verdict.allowed) throw errors.rateLimited(verdict.retryAfter)
}

/** One counter per IPv4 address and per IPv6 /64: a single customer owns a whole /64. */
export const addressKey = (address: string): string => {
  if (address.startsWith('::ffff:')) return address.slice(7)
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => text.split(':').filter((group) => group !== '')
  const [left, right] = [groups(head), groups(tail ?? '')]
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}
