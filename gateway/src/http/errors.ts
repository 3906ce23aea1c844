/** The one kind of error an answer is made of, and every text that more than one route can answer. */

export class ApiError extends Error {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

/** Texts from core.md §1.4 and decisions.md §1; literal, clients compare them. */
export const errors = {
  missingToken: () => new ApiError(401, 'Missing token in header'),
  missingTokenOnUpgrade: () => new ApiError(401, 'Missing token in header, Authorization header, or query parameter'),
  invalidToken: () => new ApiError(401, 'Invalid token'),
  foreignInstance: () => new ApiError(403, 'Instance token does not match requested instance'),
  instanceNotFound: () => new ApiError(404, 'Instance not found'),
  instanceNameRequired: () => new ApiError(400, 'Instance name is required'),
  notConnected: () => new ApiError(503, 'Instance is not connected to WhatsApp'),
  rateLimited: (retryAfterSeconds: number) =>
    new ApiError(429, 'Rate limit exceeded. Try again later.', { 'retry-after': String(retryAfterSeconds) }),
  invalidBody: (detail?: string) => new ApiError(400, detail === undefined ? 'Invalid request body' : `Invalid request body: ${detail}`),
  notFound: () => new ApiError(404, 'Not found'),
  methodNotAllowed: () => new ApiError(405, 'Method not allowed'),
  bodyTooLarge: () => new ApiError(413, 'Request body too large'),
  malformedBody: () => new ApiError(400, 'Invalid request body: malformed JSON'),
  invalidUrl: () => new ApiError(400, 'Invalid URL'),
  /** What Node's parser refuses before there is a request: headers too large, broken framing. */
  badRequest: () => new ApiError(400, 'Bad request'),
  accountSuspended: () => new ApiError(403, 'Account suspended'),
  upgradeRequired: () => new ApiError(426, 'WebSocket upgrade required', { upgrade: 'websocket' }),
  notASocket: () => new ApiError(400, 'This route is not a WebSocket'),
  overloaded: () => new ApiError(503, 'The gateway is overloaded. Try again later.', { 'retry-after': '1' }),
  internal: () => new ApiError(500, 'Internal error'),
  wrongContentType: () => new ApiError(415, 'Content-Type must be application/json'),
  notBuilt: (what: string) => new ApiError(501, `${what} is not supported by this gateway yet`),
}

/** Turns a failure of ours into the documented 500; what was refused on purpose stays what it is. */
export const orElse = async <T>(work: Promise<T>, otherwise: (error: unknown) => ApiError): Promise<T> => {
  try {
    return await work
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw Object.assign(otherwise(error), { cause: error })
  }
}
