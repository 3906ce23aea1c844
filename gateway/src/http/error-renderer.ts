/** The one place that writes an error: exactly `{success: false, error: {message}}`, never a stack, a path, SQL or a secret. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logger } from '../runtime/logging.ts'
import { StoreOverloadedError } from '../storage/errors.ts'
import { ApiError, errors } from './errors.ts'

const envelope = (message: string) => ({ success: false, error: { message } })

export const createErrorRenderer =
  (logger: Logger) =>
  (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = thrown instanceof ApiError ? thrown : ofFramework(thrown)
    if (error.status >= 500 && error.status !== 501 && error.status !== 503) {
      logger.error(
        { requestId: request.id, method: request.method, route: request.routeOptions.url, status: error.status, err: thrown },
        'request failed',
      )
      reply.header('x-request-id', request.id)
    }
    return reply.code(error.status).headers(error.headers).type('application/json; charset=utf-8').send(envelope(error.message))
  }

/** Fastify's own errors by code, an overloaded store; whatever else was thrown is a fault of ours and says nothing about itself. */
const ofFramework = (thrown: unknown): ApiError => {
  if (thrown instanceof StoreOverloadedError) return errors.overloaded()
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return errors.bodyTooLarge()
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return errors.wrongContentType()
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return errors.malformedBody()
    case 'ECONNRESET':
      return errors.badRequest()
    default:
      return errors.internal()
  }
}
