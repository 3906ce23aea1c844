/** Why a request got no answer, in words that may be shown to a tenant: no address of ours, no URL, no secret in them. */
import type { Deadline } from './deadline.ts'

export type OutboundReason =
  /** Not an http(s) URL, or a header or body that cannot be sent. */
  | 'invalid'
  /** The address is not public, and not allowed by the operator. */
  | 'blocked'
  | 'unreachable'
  | 'timeout'
  | 'too-large'
  | 'redirects'
  /** The caller's signal. */
  | 'aborted'

export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly reason: OutboundReason
  constructor(reason: OutboundReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

const words: Record<string, string> = {
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  UND_ERR_SOCKET: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'host unreachable',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_HEADERS_OVERFLOW: 'answer with too long headers',
}

export function outboundError(error: unknown, deadline: Deadline): OutboundError {
  if (error instanceof OutboundError) return error
  if (deadline.expired()) return new OutboundError('timeout', `no answer within ${deadline.timeoutMs} ms`, { cause: error })
  if (deadline.signal.aborted) return new OutboundError('aborted', 'aborted', { cause: error })
  if (codeOf(error) === 'UND_ERR_INVALID_ARG') return new OutboundError('invalid', 'invalid request', { cause: error })
  return new OutboundError('unreachable', networkFailure(error), { cause: error })
}

/** What went wrong with a connection. */
export const networkFailure = (error: unknown): string => {
  const code = codeOf(error)
  return words[code] ?? (code || 'connection failed')
}

/** The connection was there and broke. */
export const isCutOff = (error: unknown): boolean => ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error))

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return ''
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof AggregateError ? codeOf(error.errors[0]) : codeOf(error.cause)
}
