/** Connecting: by QR, by pairing code, or with the saved session (core.md §3.3, decisions.md §2). */
import { z } from 'zod'
import { errors, orElse } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Clock } from '../runtime/clock.ts'
import type { InstanceState } from '../storage/schema.ts'
import type { Attempt, Outcome, PairingCode } from './attempt.ts'
import type { Connections } from './connections.ts'
import { declared, instanceErrors, reasonOf, texts } from './instance-errors.ts'
import type { LifeCycleLimits } from './life-cycle.ts'
import type { LiveInstance, Registry } from './registry.ts'

export interface ConnectWish {
  /** Digits: a pairing code is wanted; null: a QR. */
  number: string | null
  /** Days of history; null: as the settings say. */
  historyDays: number | null
}

/**
 * What a connect does, given what the instance is doing. `join`: the session under way will do (its code may be there already).
 * A session with another kind of code, another number or other history does not.
 */
export const decideConnect = (
  state: InstanceState,
  attempt: Pick<Attempt, 'linked' | 'mayPair' | 'number' | 'historyDays'> | null,
  wish: ConnectWish,
): 'connected' | 'join' | 'begin' => {
  if (state === 'connected') return 'connected'
  if (attempt === null) return 'begin'
  if (attempt.linked && attempt.mayPair) return 'join'
  const sameHistory = wish.historyDays === null || wish.historyDays === attempt.historyDays
  return attempt.mayPair && wish.number === null && attempt.number === null && sameHistory ? 'join' : 'begin'
}

/** Digits of an international number however it is written; null when it cannot be one (E.164: at most 15 digits). */
export const readNumber = (text: string): string | null => {
  const digits = text
    .trim()
    .replace(/^(?:\+|00)/, '')
    .replace(/[\s().-]/g, '')
  return /^[1-9]\d{6,14}$/.test(digits) ? digits : null
}

interface Collaborators {
  registry: Registry
  connections: Connections
  limits: LifeCycleLimits
  clock: Clock
}

export const connectOperation = ({ registry, connections, limits, clock }: Collaborators): Operation => {
  /** Gives the first thing that becomes of it, or `connected` when there is nothing to do. */
  const connect = async (instance: LiveInstance, wish: ConnectWish, signal: AbortSignal): Promise<Outcome | 'connected'> => {
    // The session ends by its own limit first, so that the instance is disconnected when that is answered.
    const until = clock.now() + limits.firstCodeMs + 1_000
    for (;;) {
      const step = await instance.commands.run(async () => {
        if (instance.state === 'deleting') throw errors.instanceNotFound()
        const decision = decideConnect(instance.state, instance.attempt, wish)
        if (decision === 'connected') {
          if (wish.historyDays !== null) await instance.attempt?.session.requestHistory(wish.historyDays)
          return null
        }
        if (decision === 'join' && instance.attempt !== null) return { attempt: instance.attempt, wasLinked: instance.attempt.linked }
        const { attempt, stored } = await connections.begin(instance, { by: 'owner', input: 'connect', ...wish })
        await stored
        return { attempt, wasLinked: attempt.linked }
      })
      if (step === null) return 'connected'
      const outcome = await connections.outcome(step.attempt, Math.max(until - clock.now(), 0), signal)
      // The saved session is worth nothing any more: it has been forgotten, so the next round shows a code.
      const again = outcome.kind === 'ended' && outcome.input === 'unlinked' && step.wasLinked && clock.now() < until && !signal.aborted
      if (!again) return outcome
    }
  }

  return instanceOperation({
    id: 'instance.connect',
    method: 'GET',
    path: '/api/instance/connect/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Instances',
    summary: 'Connect an instance: QR or pairing code',
    description:
      'Waits up to 60 s for the first code. WhatsApp renews a QR about every 20 s: call again for the newest one. With a saved session it connects without a code.',
    query: connectQuery,
    answers: { 200: connectAnswer },
    errors: [
      { status: 400, message: texts.invalidNumber },
      { status: 400, message: texts.invalidHistory },
      declared(errors.instanceNameRequired()),
      declared(instanceErrors.connectFailed('<reason>')),
    ],
    handle: async ({ scope, query, signal }) => {
      const instance = registry.byId(scope.instance.id)
      if (instance === null) throw errors.instanceNotFound()
      const wish = { number: query.number?.trim() ? readNumber(query.number) : null, historyDays: query.history ?? null }
      const outcome = await orElse(connect(instance, wish, signal), (error) => instanceErrors.connectFailed(reasonOf(error)))
      return { status: 200, body: { success: true, ...(await answerTo(outcome, instance)) } }
    },
  })
}

const connectQuery = z.object({
  number: z
    .string()
    .refine((text) => text.trim() === '' || readNumber(text) !== null, texts.invalidNumber)
    .optional()
    .meta({ example: '34600111222', description: 'International number: asks for an 8-character pairing code in place of a QR' }),
  history: z.coerce
    .number(texts.invalidHistory)
    .int(texts.invalidHistory)
    .min(1, texts.invalidHistory)
    .max(365, texts.invalidHistory)
    .optional()
    .meta({ example: 7, description: 'Days of old messages to ask the phone for, whatever `disableHistorySync` says' }),
})

const connectAnswer = z.object({
  success: z.literal(true),
  message: z.string(),
  status: z.enum(['qr', 'pairing_code', 'connected']),
  qrCode: z.string().optional(),
  qrCodeBase64: z.string().optional(),
  pairingCode: z.string().optional(),
})

const answerTo = async (
  outcome: Outcome | 'connected',
  instance: LiveInstance,
): Promise<Omit<z.infer<typeof connectAnswer>, 'success'>> => {
  if (outcome === 'connected') return { message: 'Instance already connected', status: 'connected' }
  switch (outcome.kind) {
    case 'open':
      return { message: 'Instance connected', status: 'connected' }
    case 'code':
      return outcome.code.kind === 'pairing-code'
        ? { message: 'Pairing code generated', pairingCode: outcome.code.text, status: 'pairing_code' }
        : { message: 'QR code generated', qrCode: outcome.code.text, qrCodeBase64: await pictureOf(outcome.code), status: 'qr' }
    case 'ended':
      throw instance.state === 'deleting' ? errors.instanceNotFound() : instanceErrors.connectFailed(outcome.detail)
  }
}

/** PNGs of codes that are still alive, since clients poll: made once, gone with the code. */
/** The library is loaded by the first who links: most starts link nobody. */
const draw = async (text: string): Promise<string> => {
  const { toDataURL } = await import('qrcode')
  return toDataURL(text, { type: 'image/png', errorCorrectionLevel: 'M', margin: 2, width: 320 })
}

const pictures = new WeakMap<PairingCode, Promise<string>>()

const pictureOf = (code: PairingCode): Promise<string> => {
  const known = pictures.get(code) ?? draw(code.text)
  pictures.set(code, known)
  return known
}
