/** What the chat routes share: the fields of their bodies, their errors, and how a refusal of WhatsApp is told. */
import { z } from 'zod'
import { ApiError, errors } from '../http/errors.ts'
import { requiredString } from '../http/operation.ts'
import { EngineError } from '../whatsapp/engine.ts'

export const route = { token: 'any', rateLimit: 'global', tag: 'Chat' } as const

export const numberField = requiredString('Number is required').meta({ example: '34600111222', description: 'Number or JID of the chat' })

/** Omitted it means `true`. */
export const switchField = (description: string) =>
  z
    .boolean()
    .nullish()
    .meta({ example: true, description: `${description}; default \`true\`` })

export const notReady = 'The phone has not shared its settings yet. Try again later.'
export const overtaken = 'Other devices of the account keep changing the same settings. Try again later.'

export const notConnected = { status: 503, message: 'Instance is not connected to WhatsApp' }

export const chatErrors = [
  { status: 400, message: 'Number is required' },
  { status: 400, message: 'Invalid number' },
  { status: 400, message: 'Number <digits> is not registered on WhatsApp' },
  { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
  { status: 500, message: 'WhatsApp refused: <reason>' },
  { status: 500, message: 'Failed to look up number: <reason>' },
  notConnected,
]

/** Of those that go through app state. */
export const settingErrors = [...chatErrors, { status: 409, message: notReady }, { status: 409, message: overtaken }]

/** Runs what asks WhatsApp; throws in the words of the API. */
export const asked = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (error.code === 'not-connected' || error.code === 'logged-out') throw errors.notConnected()
    if (error.code === 'rate-limited') throw new ApiError(429, 'WhatsApp rate limit reached. Try again later.')
    if (error.code === 'not-ready') throw new ApiError(409, notReady)
    if (error.code === 'conflict') throw new ApiError(409, overtaken)
    if (error.code === 'timeout') throw new ApiError(500, 'WhatsApp did not answer in time')
    throw new ApiError(500, error.message.startsWith('WhatsApp refused') ? error.message : `WhatsApp refused: ${error.message}`)
  }
}
