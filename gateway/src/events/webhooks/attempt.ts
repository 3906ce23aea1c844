/** One POST to one receiver. */
import type { Outbound } from '../../outbound/outbound.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { EventName } from '../event.ts'
import type { Target } from './repository.ts'
import { type DeliveryRules, type Outcome, outcomeOf } from './rules.ts'
import { signatureHeaders } from './signature.ts'

/** What is read of an answer. Its status is what counts; a page behind it is not our business. */
const ANSWER_BYTES = 16 * 1024

export interface Attempt {
  target: Target
  event: EventName
  eventId: string
  /** The envelope. */
  body: string
  signal: AbortSignal
}

/** Never throws: a receiver that cannot be reached is a failure like any other. */
export const attemptDelivery = async (
  { outbound, clock, rules }: { outbound: Outbound; clock: Clock; rules: DeliveryRules },
  { target, event, eventId, body, signal }: Attempt,
): Promise<Outcome> => {
  try {
    const answer = await outbound.request({
      url: deliveryUrl(target, event),
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'RyzeAPI-Webhooks',
        ...signatureHeaders(target.signingSecret, eventId, clock.now(), body),
        ...(target.authorization === '' ? {} : { authorization: target.authorization }),
      },
      body,
      timeoutMs: rules.timeoutMs,
      maxResponseBytes: ANSWER_BYTES,
      redirects: 0,
      signal,
    })
    const retryAfter = answer.headers['retry-after']
    return outcomeOf(answer.status, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, clock.now())
  } catch (error) {
    return { kind: 'failed', status: null, error: error instanceof Error ? error.message : String(error), retryAfterMs: null }
  }
}

/** With `byEvents` the event's name ends the path; a query string stays where it is. */
export const deliveryUrl = (target: Pick<Target, 'url' | 'byEvents'>, event: EventName): string => {
  if (!target.byEvents) return target.url
  const [, path = '', query = ''] = /^([^?#]*)(.*)$/s.exec(target.url) ?? []
  return `${path.replace(/\/+$/, '')}/${event}${query}`
}
