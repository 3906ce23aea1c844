/** Texts of the instance routes (core.md §1.5, decisions.md §2); literal, clients compare them. */
import { ApiError } from '../http/errors.ts'
import type { ErrorAnswer } from '../http/operation.ts'
import { EngineError } from '../whatsapp/engine.ts'

export const instanceErrors = {
  nameTaken: () => new ApiError(409, 'Instance name already exists'),
  tokenTaken: () => new ApiError(409, 'Instance token already exists'),
  quotaExceeded: () => new ApiError(403, 'Account instance quota exceeded'),
  noSession: () => new ApiError(400, 'Instance has no saved session — call /connect first'),
  connectFailed: (reason: string) => new ApiError(500, `Failed to connect: ${reason}`),
  reconnectFailed: (reason: string) => new ApiError(500, `Failed to reconnect: ${reason}`),
  logoutFailed: () => new ApiError(500, 'Failed to logout instance'),
  deleteFailed: (reason: string) => new ApiError(500, `Failed to delete instance: ${reason}`),
  settingsNotSaved: () => new ApiError(500, 'Failed to update settings configuration'),
  proxyNotSaved: () => new ApiError(500, 'Failed to update proxy configuration'),
  proxyNotRead: () => new ApiError(500, 'Failed to get proxy configuration'),
  invalidProxyProtocol: () => new ApiError(400, 'Invalid proxy protocol'),
  proxyHostRequired: () => new ApiError(400, 'Proxy host is required'),
  invalidProxyHost: () => new ApiError(400, 'Invalid proxy host'),
  proxyHostNotAllowed: () => new ApiError(400, 'Proxy host is not allowed'),
  invalidProxyPort: () => new ApiError(400, 'Invalid proxy port'),
  s3Incomplete: () => new ApiError(400, 'S3 bucket, accessKey and secretKey are required'),
  s3NotSaved: () => new ApiError(500, 'Failed to update S3 configuration'),
  s3NotRead: () => new ApiError(500, 'Failed to get S3 configuration'),
  chatwootIncomplete: () => new ApiError(400, 'chatwootBaseUrl, chatwootAccountId, chatwootApiToken and chatwootInboxName are required'),
}

/** Texts that a schema carries. */
export const texts = {
  nameRequired: 'Instance name is required',
  invalidName: 'Invalid instance name',
  invalidToken: 'Invalid instance token',
  invalidNumber: 'Invalid phone number',
  invalidHistory: 'Invalid history value',
  noSetting: 'At least one setting must be provided',
}

/** An error in the form an operation declares it. */
export const declared = ({ status, message }: ApiError): ErrorAnswer => ({ status, message })

/** What may be told of a failure: WhatsApp's own words, nothing of ours. */
export const reasonOf = (error: unknown): string => (error instanceof EngineError ? error.message.slice(0, 200) : 'internal error')
