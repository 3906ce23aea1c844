/**
 * Slows the guessing of tokens: missing and unknown ones count per client address, and an address that used up its guesses isn't told
 * about further ones, right or wrong. A token that was good when last seen passes all the same, whoever shares its address.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createBoundedMap } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { ApiError } from './errors.ts'
import { addressKey, createRateLimit, spend } from './rate-limit.ts'

export interface Guess {
  /** Hands the error back, to be thrown; throws 429 when the address has no guess left. */
  wrong(error: ApiError): ApiError
  right(): void
}

interface Options {
  clock: Clock
  logger: Logger
  perMinute: number
}

export const createGuesses = ({ clock, logger, perMinute }: Options) => {
  const strangers = createRateLimit({ clock, capacity: 50_000 })
  /** Hashes of tokens that were good when last seen; says nothing about whether they still are. */
  const familiar = createBoundedMap<string, true>(10_000)

  return {
    /** Counts before anybody looks whether the token is right: guesses sent at once count like those sent one by one. Throws 429. */
    begin(request: FastifyRequest, reply: FastifyReply, hash: string | null): Guess {
      const address = addressKey(request.ip)
      const take = () => {
        const verdict = strangers.take(address, perMinute)
        if (!verdict.allowed) spend(reply, verdict)
        return verdict
      }
      const charged = hash !== null && familiar.get(hash) !== undefined ? null : take()
      return {
        wrong(error) {
          const verdict = charged ?? take()
          if (verdict.remaining === 0) {
            logger.warn({ address: request.ip }, 'too many missing or unknown tokens from one address; behind a proxy, set TRUST_PROXY')
          }
          spend(reply, verdict)
          return error
        },
        right() {
          if (charged !== null) strangers.giveBack(address, charged)
          if (hash !== null) familiar.set(hash, true)
        },
      }
    },
  }
}
