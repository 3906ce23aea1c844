/** From the token of a request to its scope, once, in the order the contract gives: rate limit, token, instance. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Account } from '../accounts/account.ts'
import type { Instance } from '../instances/instance.ts'
import type { Clock } from '../runtime/clock.ts'
import { sameSecret, tokenHash } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import { allowsOrigin, markReadable } from './cors.ts'
import { errors } from './errors.ts'
import { createGuesses } from './guesses.ts'
import type { Operation, Scope, TokenRule } from './operation.ts'
import { createRateLimit, spend } from './rate-limit.ts'

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

/** Lets pass who sends this one secret; for what is no operation and has no tenant. Throws 401 and 429. */
export type AdmitSecret = (request: FastifyRequest, reply: FastifyReply, secret: string) => void

export interface Authentication {
  authenticate: Authenticate
  admitSecret: AdmitSecret
}

export const createAuthentication = ({ accounts, instances, settings, clock, logger }: Collaborators): Authentication => {
  const known = createRateLimit({ clock, capacity: 250_000 })
  const guesses = createGuesses({ clock, logger, perMinute: settings.unknownTokensPerMinute })

  const identify = async (hash: string): Promise<{ account: Account; instance: Instance | null } | null> => {
    const remembered = accounts.remembered(hash)
    if (remembered !== undefined) return { account: remembered, instance: null }
    const instance = await instances.byTokenHash(hash)
    const account = instance === null ? await accounts.byTokenHash(hash) : await accounts.byId(instance.accountId)
    return account === null ? null : { account, instance }
  }

  const admitSecret: AdmitSecret = (request, reply, secret) => {
    const token = tokenOf(request, false)
    const guess = guesses.begin(request, reply, token === undefined ? null : tokenHash(token))
    if (token === undefined) throw guess.wrong(errors.missingToken())
    if (!sameSecret(token, secret)) throw guess.wrong(errors.invalidToken())
    guess.right()
  }

  const authenticate: Authenticate = async (request, reply, admission) => {
    if (admission.token === 'none') return null
    if (admission.token === 'admin') {
      // Without ADMIN_TOKEN there are no such routes.
      if (settings.adminToken === null) throw errors.notFound()
      admitSecret(request, reply, settings.adminToken)
      return null
    }
    const token = tokenOf(request, admission.upgrade)
    const hash = token === undefined ? null : tokenHash(token)
    const guess = guesses.begin(request, reply, hash)
    if (hash === null) throw guess.wrong(missingToken(admission))
    const caller = await identify(hash)
    if (caller === null) throw guess.wrong(errors.invalidToken())
    guess.right()

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

  return { authenticate, admitSecret }
}

const missingToken = ({ token, upgrade }: Admission) => {
  if (token === 'account') return errors.invalidToken()
  return upgrade ? errors.missingTokenOnUpgrade() : errors.missingToken()
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
