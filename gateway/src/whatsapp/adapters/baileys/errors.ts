/** Baileys' errors in our words. They are Boom objects: `output.statusCode` is Baileys' own code, a numeric `data` is WhatsApp's. */
import { networkFailure } from '../../../outbound/errors.ts'
import { EngineError, type EngineErrorCode } from '../../engine.ts'
import { ProxyError } from './tunnel.ts'
import { UNANSWERED } from './unanswered.ts'

export const engineErrorOf = (error: unknown): EngineError => {
  if (error instanceof EngineError) return error
  if (isBroken(error)) return new EngineError('not-connected', 'the connection to WhatsApp broke')
  if (!isBoom(error)) return new EngineError('rejected', error instanceof Error ? error.message : 'WhatsApp request failed')
  const serverCode = typeof error.data === 'number' && Number.isFinite(error.data) ? error.data : null
  if (serverCode === UNANSWERED) return new EngineError('timeout', error.message)
  if (serverCode !== null)
    return new EngineError(serverCodes.get(serverCode) ?? 'rejected', `WhatsApp refused: ${error.message}`, serverCode)
  const code = statusCodes.get(error.output.statusCode) ?? 'rejected'
  return new EngineError(code, error.message)
}

/** WhatsApp has refused something, or not answered: the connection is none the worse for it. */
export const isRefusal = (error: unknown): boolean => isBoom(error) && typeof error.data === 'number' && Number.isFinite(error.data)

/** Numeric code of a closed connection; null when nobody gave one. */
export const closeCodeOf = (error: unknown): { code: number | 'proxy' | null; detail: string } => {
  // What the network said, which Baileys turns into codes that mean other things too.
  const cause = isBoom(error) ? error.data : null
  if (cause instanceof ProxyError) return { code: 'proxy', detail: cause.message }
  if (cause instanceof Error) return { code: null, detail: `no connection to WhatsApp: ${networkFailure(cause)}` }
  if (isBoom(error)) return { code: error.output.statusCode, detail: error.message }
  return { code: null, detail: error instanceof Error ? error.message : 'connection closed' }
}

/** A frame met a connection that was just ending: it has not left. What it was told comes from the system or from `ws`. */
const isBroken = (error: unknown): boolean =>
  error instanceof Error &&
  ('code' in error ? broken.has(String(error.code)) : !isBoom(error) && /^WebSocket is not open/.test(error.message))

const broken: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'])

const serverCodes = new Map<number, EngineErrorCode>([
  [401, 'rejected'],
  [404, 'not-registered'],
  [429, 'rate-limited'],
])

const statusCodes = new Map<number, EngineErrorCode>([
  [401, 'logged-out'],
  [408, 'timeout'],
  [428, 'not-connected'],
])

interface Boom extends Error {
  output: { statusCode: number }
  data?: unknown
}

const isBoom = (error: unknown): error is Boom => {
  if (!(error instanceof Error)) return false
  const output: unknown = Reflect.get(error, 'output')
  return typeof output === 'object' && output !== null && typeof Reflect.get(output, 'statusCode') === 'number'
}
