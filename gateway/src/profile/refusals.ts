import { ApiError, errors } from '../http/errors.ts'
import { EngineError } from '../whatsapp/engine.ts'

export const connectionErrors = [
  { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
  { status: 503, message: 'Instance is not connected to WhatsApp' },
]

/** What WhatsApp's refusal becomes; `failed` says what did not work, `changed` what of the same request had worked before: that stays. */
export const refusalOf = (error: unknown, failed: string, changed: readonly string[] = []): unknown => {
  if (!(error instanceof EngineError)) return error
  // Of two answers that both apply, the one that says what is different now.
  if (changed.length > 0) return new ApiError(500, `${failed}: ${reasonOf(error)}; changed: ${changed.join(', ')}`)
  if (error.code === 'not-connected' || error.code === 'logged-out') return errors.notConnected()
  if (error.code === 'rate-limited') return new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
  if (error.code === 'not-ready') return new ApiError(409, 'The phone has not shared its settings yet. Try again later.')
  if (error.code === 'conflict') return new ApiError(409, 'Other devices of the account keep changing the same settings. Try again later.')
  return new ApiError(500, `${failed}: ${reasonOf(error)}`)
}

const reasonOf = ({ code, message }: EngineError): string => {
  if (code === 'timeout') return 'WhatsApp did not answer in time'
  if (code === 'not-connected' || code === 'logged-out') return 'the connection to WhatsApp was lost'
  return message
}
