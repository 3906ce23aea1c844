/** From the token of a request to its scope, once, in the order the contract gives: rate limit, token, instance. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Account } from '../accounts/account.ts'
import type { Instance } from '../instances/instance.ts'
import { createBoundedMap } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import { sameSecret, tokenHash } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import { allowsOrigin, markReadable } from './cors.ts'
import { errors } from './errors.ts'
import type { Operation, Scope, TokenRule } from './operation.ts'
import { addressKey, createRateLimit, type Verdict } from './rate-limit.ts'

/** What authentication asks of the accounts. Caching, and forgetting after a rotation, is theirs. */
export interface AccountDirectory {
  /** The account of a TokenAccount, if that is known without waiting. */
  remembered(tokenHash: string): Account | undefined
  byTokenHash(tokenHash: string): Promise<Account | null>
  byId(id: string): Promise<Account | null>
  /** Whether any account lists this browser origin. */
  anyAllowsOrigin(origin: string): boolean
}

/** What authentication asks of the instances. Called on every request of theirs, so they answer from memory where they can. */
export interface InstanceDirectory {
  byTokenHash(tokenHash: string): Promise<Instance | null>
  byName(accountId: string, name: string): Promise<Instance | null>
}

export interface Collaborators {
  accounts: AccountDirectory
  instances: InstanceDirectory
  settings: { adminToken: string | null; unknownTokensPerMinute: number }
  clock: Clock
  logger: Logger
}

/** What a route says about its callers. */
export interface Admission {
  token: TokenRule
  rateLimit: Operation['rateLimit']
  /** The path has `:instance`. */
  namesInstance: boolean
  /** A WebSocket upgrade: `?token=` counts, and a missing token has a text of its own. */
  upgrade: boolean
}

export type Authenticate = (request: FastifyRequest, reply: FastifyReply, admission: Admission) => Promise<Scope | null>

export const createAuthentication = ({ accounts, instances, settings, clock, logger }: Collaborators): Authenticate => {
  const known = createRateLimit({ clock, capacity: 250_000 })
  const strangers = createRateLimit({ clock, capacity: 50_000 })
  /** Hashes of tokens that were valid when last seen; says nothing about whether they still are. */
  const familiar = createBoundedMap<string, true>(10_000)

  /** Refuses a missing or unknown token, at a limited speed. */
  const refuse = (request: FastifyRequest, reply: FastifyReply, token: string | undefined, admission: Admission): never => {
    const verdict = strangers.take(addressKey(request.ip), settings.unknownTokensPerMinute)
    if (verdict.allowed && verdict.remaining === 0) {
      logger.warn({ address: request.ip }, 'too many missing or unknown tokens from one address; behind a proxy, set TRUST_PROXY')
    }
    spend(reply, verdict)
    if (token !== undefined || admission.token === 'account') throw errors.invalidToken()
    throw admission.upgrade ? errors.missingTokenOnUpgrade() : errors.missingToken()
  }

  const identify = async (hash: string): Promise<{ account: Account; instance: Instance | null } | null> => {
    const remembered = accounts.remembered(hash)
    if (remembered !== undefined) return { account: remembered, instance: null }
    const instance = await instances.byTokenHash(hash)
    const account = instance === null ? await accounts.byTokenHash(hash) : await accounts.byId(instance.accountId)
    return account === null ? null : { account, instance }
  }

  return async (request, reply, admission) => {
    if (admission.token === 'none') return null
    const token = tokenOf(request, admission.upgrade)
    if (admission.token === 'admin') {
      const allowed = token !== undefined && settings.adminToken !== null && sameSecret(token, settings.adminToken)
      return allowed ? null : refuse(request, reply, token, admission)
    }
    if (token === undefined) return refuse(request, reply, token, admission)

    const hash = tokenHash(token)
    if (familiar.get(hash) === undefined) {
      // An address that used up its guesses isn't told about further ones, right or wrong. Tokens in use pass all the same.
      const verdict = strangers.look(addressKey(request.ip), settings.unknownTokensPerMinute)
      if (!verdict.allowed) spend(reply, verdict)
    }
    const caller = await identify(hash)
    if (caller === null) return refuse(request, reply, token, admission)
    familiar.set(hash, true)

    const { account } = caller
    const origin = request.headers.origin
    if (origin !== undefined) markReadable(reply, origin, allowsOrigin(account.allowedOrigins, origin))
    if (admission.rateLimit !== 'none') spend(reply, known.take(hash, account.requestsPerMinute))
    if (admission.rateLimit === 'create') spend(reply, known.take(`create ${hash}`, account.createsPerMinute))
    if (account.suspended) throw errors.accountSuspended()
    if (admission.token === 'account' && caller.instance !== null) throw errors.invalidToken()
    if (!admission.namesInstance) return { account, instance: caller.instance, by: caller.instance === null ? 'account' : 'instance' }

    const name = (request.params as { instance?: string }).instance ?? ''
    if (name.trim() === '') throw errors.instanceNameRequired()
    if (caller.instance !== null) {
      if (caller.instance.name !== name) throw errors.foreignInstance()
      return { account, instance: caller.instance, by: 'instance' }
    }
    const instance = await instances.byName(account.id, name)
    if (instance === null) throw errors.instanceNotFound()
    return { account, instance, by: 'account' }
  }
}

/** `token` wins over `Authorization: Bearer`; the query counts on an upgrade only, since URLs end up in logs. */
const tokenOf = (request: FastifyRequest, upgrade: boolean): string | undefined => {
  const { token, authorization } = request.headers
  if (typeof token === 'string' && token !== '') return token
  const bearer = authorization === undefined ? undefined : /^bearer +(\S+) *$/i.exec(authorization)?.[1]
  if (bearer !== undefined || !upgrade) return bearer
  const inQuery = (request.query as { token?: unknown }).token
  return typeof inQuery === 'string' && inQuery !== '' ? inQuery : undefined
}

/** Writes the three headers and refuses what is over the limit. */
const spend = (reply: FastifyReply, verdict: Verdict): void => {
  reply.header('x-ratelimit-limit', verdict.limit)
  reply.header('x-ratelimit-remaining', verdict.remaining)
  reply.header('x-ratelimit-reset', verdict.resetsAt)
  if (!verdict.allowed) throw errors.rateLimited(verdict.retryAfter)
}
