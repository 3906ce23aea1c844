/**
 * `Idempotency-Key` (decisions.md §4): a request that is repeated under the same key, by whoever holds the same token, is carried out once and
 * gets the same answer for 24 hours. What was refused (4xx) has done nothing, and its key is free again. What broke off, by a crash or
 * a fault, is taken up by the next request with the key: it gets the same seed, out of which a message's id is made, and so the send
 * pipeline finds what it began. That one being refused does not free the key: the attempt before may have done it. As many keys are kept as
 * the rate limit lets through in a day.
 */
import { createHash } from 'node:crypto'
import type { Logger } from '../runtime/logging.ts'
import { ApiError } from './errors.ts'
import { LongValue } from './long-value.ts'
import type { Answer, Operation, Scope } from './operation.ts'

export type Claimed =
  | { kind: 'new'; seed: string }
  /** Begun once, by a run of the gateway that is over or by a request that failed in the middle. */
  | { kind: 'unfinished'; seed: string }
  | { kind: 'answered'; status: number; body: unknown }
  /** The key belongs to a different request. */
  | { kind: 'other' }

type Carried = Extract<Claimed, { seed: string }>

export interface IdempotencyStore {
  /** Resolves when the claim is durable. Seeds are 16 upper-case hex digits. */
  claim(claim: { id: string; accountId: string; instanceId: string | null; request: string }): Promise<Claimed>
  keep(id: string, answer: Answer): Promise<void>
  release(id: string): Promise<void>
  /** Removes what is older than a day. */
  purge(): Promise<void>
}

export const idempotencyRefusals = {
  badKey: () => new ApiError(400, 'Invalid Idempotency-Key'),
  running: () => new ApiError(409, 'A request with this Idempotency-Key is in progress', { 'retry-after': '1' }),
  other: () => new ApiError(422, 'Idempotency-Key was used with a different request'),
  unknown: () => new ApiError(409, 'What became of the request with this Idempotency-Key is not known'),
}

export interface KeyedRequest {
  operation: Pick<Operation, 'once'>
  key: string
  scope: Scope
  /** With query. */
  path: string
  body: unknown
}

export interface Idempotency {
  /** Throws the refusals above, and what `handle` throws. */
  once(request: KeyedRequest, handle: (seed: string) => Promise<Answer>): Promise<Answer>
  /** Forgets old keys from now on. */
  start(): void
  stop(): Promise<void>
}

const PURGE_EVERY_MS = 15 * 60 * 1000

export const createIdempotency = ({ store, logger }: { store: IdempotencyStore; logger: Logger }): Idempotency => {
  /** Of this process, which is the only one on its data. By key, what was asked. */
  const running = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let purging: Promise<void> = Promise.resolve()

  const carryOut = async (id: string, { kind, seed }: Carried, handle: (seed: string) => Promise<Answer>): Promise<Answer> => {
    const answer = await handle(seed).catch(async (error: unknown) => {
      if (kind === 'new' && error instanceof ApiError && error.status < 500) await store.release(id)
      throw error
    })
    // It has happened. Whoever asks again finds the seed, even if this should fail.
    await store
      .keep(id, answer)
      .catch((error: unknown) => logger.error({ err: error }, 'The answer of an Idempotency-Key could not be kept'))
    return answer
  }

  return {
    async once({ operation, key, scope, path, body }, handle) {
      if (!/^[\x21-\x7e]{1,255}$/.test(key)) throw idempotencyRefusals.badKey()
      const { account, instance, by } = scope
      const id = createHash('sha256')
        .update(`${by} ${by === 'account' ? account.id : (instance?.id ?? '')} ${key}`)
        .digest('hex')
      const request = await fingerprint(path, body)
      const present = running.get(id)
      if (present !== undefined) throw present === request ? idempotencyRefusals.running() : idempotencyRefusals.other()
      running.set(id, request)
      try {
        const claimed = await store.claim({ id, accountId: account.id, instanceId: instance?.id ?? null, request })
        switch (claimed.kind) {
          case 'other':
            throw idempotencyRefusals.other()
          case 'answered':
            return { status: claimed.status, body: claimed.body, headers: { 'idempotent-replayed': 'true' } }
          case 'unfinished':
            if (operation.once === 'unrepeatable') throw idempotencyRefusals.unknown()
            return await carryOut(id, claimed, handle)
          case 'new':
            return await carryOut(id, claimed, handle)
        }
      } finally {
        running.delete(id)
      }
    },
    start() {
      timer = setInterval(() => {
        purging = purging
          .then(() => store.purge())
          .catch((error: unknown) => logger.error({ err: error }, 'Old Idempotency-Keys could not be removed'))
      }, PURGE_EVERY_MS).unref()
    },
    async stop() {
      clearInterval(timer)
      await purging
    },
  }
}

/** The same for the same request, long values included. */
const fingerprint = async (path: string, body: unknown): Promise<string> => {
  const long: LongValue[] = []
  const text = JSON.stringify(body ?? null, (_name, value: unknown) => {
    if (!(value instanceof LongValue)) return value
    long.push(value)
    const { size, encoding, mimeType, fileName } = value
    return { size, encoding, mimeType, fileName }
  })
  const hash = createHash('sha256').update(`${path}\n${text}\n`)
  for (const value of long) for await (const chunk of value.read()) hash.update(chunk)
  return hash.digest('hex')
}
