/** One POST to one receiver. */
import { addAbortSignal } from 'node:stream'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Body, StreamedBody } from './body.ts'
import type { Target } from './repository.ts'
import { type DeliveryRules, type Outcome, outcomeOf } from './rules.ts'
import { createSigner } from './signature.ts'

/** What is read of an answer. Its status is what counts; a page behind it is not our business. */
const ANSWER_BYTES = 16 * 1024
/** How long it is waited for. */
const ANSWER_MS = 2_000
/** What is kept of it, in characters, for people who look for the reason. */
const ANSWER_KEPT = 500
/** A receiver gets a second more for each MiB of media. */
const BYTES_PER_MS = (1024 * 1024) / 1000

export interface Attempt {
  target: Target
  /** With `byEvents` it ends the path. */
  event: string
  eventId: string
  /** The envelope. May fail, when the media it carries cannot be read. */
  body(): Promise<Body>
  /** In its place when it failed; null: then the attempt failed. */
  otherwise: Body | null
  signal: AbortSignal
}

/** What came of it. */
export interface Attempted {
  /** Whom it was sent to; the webhook may have been configured anew since. */
  target: Target
  outcome: Outcome
  /** When it began. */
  at: number
  durationMs: number
  /** The first characters of the answer, `""` without one. */
  answer: string
}

/** Never throws: a receiver that cannot be reached is a failure like any other. */
export const attemptDelivery = async (
  { outbound, clock, rules }: { outbound: Outbound; clock: Clock; rules: DeliveryRules },
  { target, event, eventId, body: makeBody, otherwise, signal }: Attempt,
): Promise<Attempted> => {
  const at = clock.now()
  const startedAt = performance.now()
  const attempted = (outcome: Outcome, answer = ''): Attempted => ({
    target,
    outcome,
    at,
    durationMs: Math.round(performance.now() - startedAt),
    answer,
  })
  const failed = (error: string) => attempted({ kind: 'failed', status: null, error, retryAfterMs: null })
  const signed = async (body: Body): Promise<Signed> => {
    const signer = createSigner(secretsOf(target, at), eventId, at, target)
    const timeoutMs = rules.timeoutMs + (typeof body === 'string' ? 0 : Math.ceil(body.size / BYTES_PER_MS))
    if (typeof body === 'string') signer.update(body)
    else await eachPiece(body, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]), signer.update)
    return { body, signature: signer.headers(), timeoutMs }
  }

  const ready = await makeBody()
    .then(signed)
    .catch(() => (otherwise === null ? null : signed(otherwise)))
  if (ready === null) return failed('the media of this event cannot be read')
  const { body, signature, timeoutMs } = ready
  try {
    const answer = await outbound.request({
      url: deliveryUrl(target, event),
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'RyzeAPI-Webhooks',
        ...signature,
        ...(target.authorization === '' ? {} : { authorization: target.authorization }),
        ...(typeof body === 'string' ? {} : { 'content-length': String(body.size) }),
      },
      body: typeof body === 'string' ? body : body.stream(),
      timeoutMs,
      maxResponseBytes: ANSWER_BYTES,
      bodyMs: ANSWER_MS,
      redirects: 0,
      signal,
    })
    const retryAfter = answer.headers['retry-after']
    const outcome = outcomeOf(answer.status, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, clock.now())
    return attempted(outcome, firstCharacters(answer.body))
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  }
}

/** With `byEvents` the event's name ends the path; a query string stays where it is. */
export const deliveryUrl = (target: Pick<Target, 'url' | 'byEvents'>, event: string): string => {
  if (!target.byEvents) return target.url
  const [, path = '', query = ''] = /^([^?#]*)(.*)$/s.exec(target.url) ?? []
  return `${path.replace(/\/+$/, '')}/${event}${query}`
}

interface Signed {
  body: Body
  signature: Record<string, string>
  timeoutMs: number
}

const secretsOf = ({ signingSecret, formerSecrets }: Target, now: number): string[] => [
  signingSecret,
  ...formerSecrets.filter(({ until }) => until > now).map(({ secret }) => secret),
]

const eachPiece = async (body: StreamedBody, signal: AbortSignal, take: (piece: Uint8Array) => void): Promise<void> => {
  let size = 0
  for await (const piece of addAbortSignal(signal, body.stream()) as AsyncIterable<Uint8Array>) {
    size += piece.length
    take(piece)
  }
  // Found out here, it costs the receiver nothing; on the way, the request would break off.
  if (size !== body.size) throw new Error('The media is not as long as its store says')
}

/** As text, whatever it is; PostgreSQL cannot store a NUL. */
const firstCharacters = (body: Buffer): string =>
  body
    .subarray(0, 4 * ANSWER_KEPT)
    .toString('utf8')
    .replaceAll('\0', '\ufffd')
    .slice(0, ANSWER_KEPT)
