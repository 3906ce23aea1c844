/** Calls of our own (chat-profile-calls.md §31). Incoming ones are events, and turned away by a setting of the instance. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ApiError, errors } from '../http/errors.ts'
import { instanceOperation, type Operation, requiredString } from '../http/operation.ts'
import type { Logger } from '../runtime/logging.ts'
import { type Address, EngineError, type EngineSession } from '../whatsapp/engine.ts'
import { isLid, isUserJid } from '../whatsapp/jid.ts'

const USUAL_S = 8
const LONGEST_S = 60

const texts = { duration: `Duration must be between 1 and ${LONGEST_S} seconds`, nobody: 'Only people can be called' }

interface Collaborators {
  /** Throws 503 when the instance is not connected. */
  session(instanceId: string): EngineSession
  /** The person a number or JID means. Throws 400s. */
  find(instanceId: string, number: string): Promise<Address>
  logger: Logger
}

export interface CallsFeature {
  readonly operations: readonly Operation[]
}

export const createCalls = ({ session, find, logger }: Collaborators): CallsFeature => ({
  operations: [
    instanceOperation({
      id: 'call.fake',
      needs: ['call'],
      method: 'POST',
      once: 'unrepeatable',
      path: '/api/call/fake/:instance',
      token: 'any',
      rateLimit: 'global',
      tag: 'Calls',
      summary: 'Ring, and hang up',
      description: 'Without sound. The answer comes when it rings; it hangs up by itself when its time is over.',
      body: z.object({
        number: requiredString('Number is required').meta({ example: '34600111222' }),
        duration: z
          .int()
          .nullish()
          .meta({ example: USUAL_S, description: `Seconds, 1 to ${LONGEST_S}; 0 counts as ${USUAL_S}` }),
      }),
      answers: {
        200: z.object({
          success: z.literal(true),
          message: z.string(),
          callId: z.string(),
          number: z.string(),
          duration: z.number().int(),
        }),
      },
      errors: [
        { status: 400, message: 'Number is required' },
        { status: 400, message: 'Invalid number' },
        { status: 400, message: 'Number <digits> is not registered on WhatsApp' },
        { status: 400, message: texts.duration },
        { status: 400, message: texts.nobody },
        { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
        { status: 500, message: 'Failed to place call: <reason>' },
        { status: 503, message: 'Instance is not connected to WhatsApp' },
      ],
      async handle({ scope: { instance }, body }) {
        const duration = body.duration || USUAL_S
        if (duration < 1 || duration > LONGEST_S) throw new ApiError(400, texts.duration)
        const to = await find(instance.id, body.number)
        if (!isUserJid(to.jid ?? '') && !isLid(to.lid ?? '')) throw new ApiError(400, texts.nobody)
        const call = await session(instance.id)
          .ring(to)
          .catch((error: unknown) => {
            throw refusalOf(error)
          })
        // Nobody waits for it; WhatsApp ends a call whose caller is gone.
        void sleep(duration * 1000, undefined, { ref: false })
          .then(() => call.hangUp())
          .catch((error: unknown) => logger.debug({ instance: instance.id, err: error }, 'A call could not be ended'))
        const told = { success: true, message: 'Call placed successfully', callId: call.id, number: body.number, duration } as const
        return { status: 200, body: told }
      },
    }),
  ],
})

const refusalOf = (error: unknown): unknown => {
  if (!(error instanceof EngineError)) return error
  if (error.code === 'not-connected' || error.code === 'logged-out') return errors.notConnected()
  if (error.code === 'rate-limited') return new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
  return new ApiError(500, `Failed to place call: ${error.code === 'timeout' ? 'WhatsApp did not answer in time' : error.message}`)
}
