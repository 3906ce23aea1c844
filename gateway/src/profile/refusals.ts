import { ApiError, errors } from '../http/errors.ts'
import { EngineError } from '../whatsapp/engine.ts'

export const connectionErrors = [
  { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
  { status: 503, message: 'Instance is not connected to WhatsApp' },
]

/** What WhatsApp's refusal becomes; `failed` says what did not work. */
export const refusalOf = (error: unknown, failed: string): unknown => {
  if (!(error instanceof EngineError)) return error
  if (error.code === 'not-connected' || error.code === 'logged-out') return errors.notConnected()
  if (error.code === 'rate-limited') return new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
  if (error.code === 'not-ready') return new ApiError(409, 'The phone has not shared its settings yet. Try again later.')
  return new ApiError(500, `${failed}: ${error.code === 'timeout' ? 'WhatsApp did not answer in time' : error.message}`)
}
