/** `GET /health` (core.md §8.1): no token, no rate limit, no CORS, no envelope. 503 with the same body as soon as one check fails. */
import { z } from 'zod'
import { type Clock, rfc3339 } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import { type Operation, openOperation } from './operation.ts'

export interface Health {
  /** Adds a line to `checks`. `check` throws when the part can't be used; it has two seconds. */
  registerCheck(name: string, check: () => Promise<void>): void
  /** Adds a line to `checks` that only informs: whatever it says, the gateway works. */
  registerNote(name: string, note: () => Promise<string>): void
  operation: Operation
}

const healthReport = z.object({
  status: z.enum(['ok', 'degraded']),
  service: z.literal('RyzeAPI'),
  version: z.string(),
  uptime: z.string().meta({ example: '3h2m1s' }),
  timestamp: z.string(),
  checks: z.record(z.string(), z.string()).meta({ example: { db: 'ok' } }),
})
type HealthReport = z.infer<typeof healthReport>

const limitMs = 2000

export const createHealth = ({ clock, logger, version }: { clock: Clock; logger: Logger; version: string }): Health => {
  const startedAt = clock.now()
  const checks = new Map<string, () => Promise<void>>()
  const notes = new Map<string, () => Promise<string>>()
  /** Anybody may ask as often as they like: whoever asks meanwhile gets the same answer. */
  let running: Promise<Record<string, string>> | null = null

  const outcome = async (name: string, check: () => Promise<void>): Promise<string> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(reject, limitMs, new Error('timed out'))
    })
    try {
      await Promise.race([check(), late])
      return 'ok'
    } catch (error) {
      logger.warn({ check: name, err: error }, 'health check failed')
      return `fail: ${reasonOf(error)}`
    } finally {
      clearTimeout(timer)
    }
  }

  const run = async (): Promise<Record<string, string>> => {
    try {
      return Object.fromEntries(await Promise.all([...checks].map(async ([name, check]) => [name, await outcome(name, check)] as const)))
    } finally {
      running = null
    }
  }

  const told = async (): Promise<Record<string, string>> =>
    Object.fromEntries(await Promise.all([...notes].map(async ([name, note]) => [name, await note().catch(() => 'unknown')] as const)))

  const report = async (): Promise<HealthReport> => {
    running ??= run()
    const results = await running
    const now = clock.now()
    return {
      status: Object.values(results).every((result) => result === 'ok') ? 'ok' : 'degraded',
      service: 'RyzeAPI',
      version,
      uptime: goDuration(now - startedAt),
      timestamp: rfc3339(now),
      checks: { ...results, ...(await told()) },
    }
  }

  return {
    registerCheck: (name, check) => void checks.set(name, check),
    registerNote: (name, note) => void notes.set(name, note),
    operation: openOperation({
      id: 'health',
      method: 'GET',
      path: '/health',
      token: 'none',
      rateLimit: 'none',
      tag: 'Observability',
      summary: 'Whether the gateway works',
      description: 'Each check is `ok` or `fail: <reason>`; 503 with the same body as soon as one fails.',
      answers: { 200: healthReport, 503: healthReport },
      errors: [],
      handle: async () => {
        const health = await report()
        return { status: health.status === 'ok' ? 200 : 503, body: health, headers: { 'cache-control': 'no-store' } }
      },
    }),
  }
}

/** Whole seconds in Go's notation: `0s`, `42s`, `2m0s`, `3h2m1s`; hours are not turned into days. */
export const goDuration = (milliseconds: number): string => {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const tail = `${seconds % 60}s`
  if (hours > 0) return `${hours}h${minutes}m${tail}`
  return minutes > 0 ? `${minutes}m${tail}` : tail
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'host not found',
  ETIMEDOUT: 'timed out',
  ENOSPC: 'disk full',
  // PostgreSQL (appendix A of its manual).
  '25006': 'read-only',
  '53100': 'disk full',
  '53300': 'too many connections',
  '57P01': 'shutting down',
  '57P03': 'starting up or shutting down',
  '28P01': 'not authorised',
  '55P03': 'locked',
  '57014': 'timed out',
}

/** SQLite's result codes, the lower byte of the extended ones. */
const sqliteReasons: Readonly<Record<number, string>> = {
  5: 'locked',
  6: 'locked',
  8: 'read-only',
  10: 'input/output error',
  11: 'damaged',
  13: 'disk full',
  14: 'cannot be opened',
  26: 'damaged',
}

/** What anybody may read: never the error's own text, which may hold a path, an address or SQL. */
const reasonOf = (error: unknown): string => {
  if (error instanceof Error && error.message === 'timed out') return 'timed out'
  if (typeof error !== 'object' || error === null) return 'unavailable'
  if ('errcode' in error && typeof error.errcode === 'number') return sqliteReasons[error.errcode & 0xff] ?? 'unavailable'
  return ('code' in error && typeof error.code === 'string' && reasons[error.code]) || 'unavailable'
}
