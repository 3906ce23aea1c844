/** What a group route answers when WhatsApp, or the way to it, refuses (decisions.md §1). */
import { ApiError } from '../http/errors.ts'
import { EngineError } from '../whatsapp/engine.ts'

/** On these routes it is a 400. */
export const notConnected = () => new ApiError(400, 'Instance is not connected to WhatsApp')

export const notAMember = () => new ApiError(404, 'Group not found or you are not a member of this group')

export interface RefusalTexts {
  /** Of the 403. */
  forbidden: string
  /** Before the reason of a 500. */
  failed: string
  /** The request makes something: there is nothing yet that could be missing. */
  makes?: boolean
}

export const refusalOf = (error: unknown, { forbidden, failed, makes = false }: RefusalTexts): ApiError => {
  if (error instanceof ApiError) return error
  if (!(error instanceof EngineError)) return new ApiError(500, `${failed}: internal error`)
  if (error.code === 'not-connected' || error.code === 'logged-out') return notConnected()
  if (error.code === 'rate-limited') return new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
  if (error.code === 'timeout') return new ApiError(500, `${failed}: timed out waiting for WhatsApp`)
  if (isForbidden(error)) return new ApiError(403, forbidden)
  if (isMissing(error) && !makes) return notAMember()
  return new ApiError(500, `${failed}: ${error.message}`)
}

/** Not an admin, not in the group, or not the role it takes: WhatsApp uses the codes for one another. */
export const isForbidden = (error: unknown): boolean => hasCode(error, 401, 403, 405)

/** No such group; for codes also: never was one (406), revoked (410). */
export const isMissing = (error: unknown): boolean => hasCode(error, 404, 406, 410)

export const hasCode = (error: unknown, ...codes: number[]): boolean =>
  error instanceof EngineError && error.serverCode !== null && codes.includes(error.serverCode)
