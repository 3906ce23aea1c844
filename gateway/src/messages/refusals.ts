/** What a route answers when WhatsApp, or the way to it, refuses (decisions.md §1). */
import { ApiError, errors } from '../http/errors.ts'
import { EngineError } from '../whatsapp/engine.ts'

/** `number` is what the caller wrote; `failed` says what did not work. What is an answer already stays as it is. */
export const refusalOf = (error: unknown, number: string, failed = 'Failed to send message'): ApiError => {
  if (error instanceof ApiError) return error
  if (!(error instanceof EngineError)) return new ApiError(500, `${failed}: internal error`)
  switch (error.code) {
    case 'rate-limited':
      return new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
    case 'not-connected':
    case 'logged-out':
      return errors.notConnected()
    case 'not-registered':
      return new ApiError(400, `Number ${number.replace(/\D/g, '') || number} is not registered on WhatsApp`)
    case 'unsupported':
      return errors.notBuilt('This recipient')
    case 'not-ready':
      return new ApiError(409, 'The phone has not shared its settings yet. Try again later.')
    case 'conflict':
      return new ApiError(409, 'Other devices of the account keep changing the same settings. Try again later.')
    case 'timeout':
      return new ApiError(500, `${failed}: timed out waiting for WhatsApp`)
    case 'rejected':
      if (error.serverCode === 401 || error.serverCode === 403) return new ApiError(403, 'Not authorized to send to this chat')
      if (error.serverCode === 404) return new ApiError(404, 'Chat not found')
      return new ApiError(500, `${failed}: ${error.message}`)
    default:
      return new ApiError(500, `${failed}: ${error.message}`)
  }
}
