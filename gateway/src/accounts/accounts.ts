/**
 * Tenants: who exists, what each may use, and whose a TokenAccount is. Tokens are shown once, when made, and kept as a hash only.
 *
 * Every request asks for its account, so accounts in use are remembered here; whoever changes one goes through this file, which forgets
 * what it remembered. One gateway works on a database at a time, so nobody else changes it behind our back.
 */
import type { Selectable } from 'kysely'
import type { AccountDirectory } from '../http/authentication.ts'
import { ApiError } from '../http/errors.ts'
import { createBoundedMap } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import { newToken, sameHash, tokenHash, ulid } from '../runtime/ids.ts'
import type { Settings } from '../settings.ts'
import type { Database } from '../storage/database.ts'
import type { AccountsTable } from '../storage/schema.ts'
import type { Account } from './account.ts'

export interface AccountLimits {
  instanceQuota: number | null
  requestsPerMinute: number
  createsPerMinute: number
  allowedOrigins: readonly string[]
  suspended: boolean
}

export type NewAccount = { name: string } & Partial<AccountLimits>

export interface Accounts extends AccountDirectory {
  /**
   * Makes the account `default` when there is none yet, with ACCOUNT_TOKEN or a new token, and gives that new token to be shown once;
   * null when nothing is to be shown.
   */
  start(): Promise<{ newToken: string | null }>
  /** Throws 409 when the name is taken. The token is nowhere else afterwards. */
  create(account: NewAccount): Promise<{ account: Account; token: string }>
  /** By age, after the account with id `after`. */
  list(page: { after?: string | undefined; limit: number }): Promise<{ accounts: Account[]; total: number }>
  byName(name: string): Promise<Account | null>
  /** The three below throw 404 `Account not found`. */
  change(id: string, change: Partial<AccountLimits>): Promise<Account>
  /** The old token is dead when this resolves. */
  rotateToken(id: string): Promise<{ account: Account; token: string }>
  /** Suspends the account first, deletes its instances as their owner would, then removes it. */
  delete(id: string): Promise<void>
  /** Deletes what hangs on an account; awaited before the account goes. */
  onDelete(listener: (account: Account) => Promise<void>): void
  /** The token of this account stopped being good: rotated, suspended or deleted. */
  onRevoked(listener: (accountId: string) => void): void
}

export interface AccountCollaborators {
  db: Database
  clock: Clock
  settings: Pick<Settings, 'accountToken' | 'requestsPerMinute' | 'createsPerMinute'>
}

export const accountErrors = {
  notFound: () => new ApiError(404, 'Account not found'),
  nameTaken: () => new ApiError(409, 'Account name already exists'),
}

export const createAccounts = ({ db, clock, settings }: AccountCollaborators): Accounts => {
  const remembered = createBoundedMap<string, { account: Account; tokenHash: string }>(10_000)
  const idOfToken = createBoundedMap<string, string>(10_000)
  const origins = createOriginCount()
  const deleteListeners: ((account: Account) => Promise<void>)[] = []
  const revokeListeners: ((accountId: string) => void)[] = []
  /** Grows with every change: what was read before one must not be remembered after it. */
  let changes = 0

  const changed = (before: Account | null, after: Account | null): void => {
    changes++
    if (before !== null) remembered.delete(before.id)
    origins.replace(before?.allowedOrigins ?? [], after?.allowedOrigins ?? [])
  }

  const revoked = (id: string): void => {
    for (const listener of revokeListeners) listener(id)
  }

  const look = async (column: 'id' | 'token_hash', value: string): Promise<Account | null> => {
    const changesBefore = changes
    const row = await db.read.selectFrom('accounts').selectAll().where(column, '=', value).executeTakeFirst()
    if (row === undefined) return null
    const account = accountOf(row)
    if (changes === changesBefore) {
      remembered.set(account.id, { account, tokenHash: row.token_hash })
      idOfToken.set(row.token_hash, account.id)
    }
    return account
  }

  const insert = async (newAccount: NewAccount, token: string, only: 'always' | 'when there is none'): Promise<Account | null> => {
    const row: AccountsTable = {
      id: ulid(clock.now()),
      name: newAccount.name,
      token_hash: tokenHash(token),
      instance_quota: newAccount.instanceQuota ?? null,
      requests_per_minute: newAccount.requestsPerMinute ?? settings.requestsPerMinute,
      creates_per_minute: newAccount.createsPerMinute ?? settings.createsPerMinute,
      allowed_origins: JSON.stringify(newAccount.allowedOrigins ?? []),
      suspended: newAccount.suspended ? 1 : 0,
      created_at: clock.now(),
    }
    const made = await db.write(async (tx) => {
      if (only === 'when there is none' && (await tx.selectFrom('accounts').select('id').limit(1).executeTakeFirst())) return false
      const result = await tx
        .insertInto('accounts')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirst()
      return result.numInsertedOrUpdatedRows === 1n
    })
    if (!made) return null
    const account = accountOf(row)
    changed(null, account)
    return account
  }

  /** Writes columns of one account and gives it before and after. */
  const update = async (id: string, values: Partial<AccountsTable>): Promise<{ before: Account; after: Account }> => {
    const rows = await db.write(async (tx) => {
      const before = await tx.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
      if (before === undefined) return null
      if (Object.keys(values).length > 0) await tx.updateTable('accounts').set(values).where('id', '=', id).execute()
      return { before: accountOf(before), after: accountOf({ ...before, ...values }) }
    })
    if (rows === null) throw accountErrors.notFound()
    changed(rows.before, rows.after)
    return rows
  }

  const byId = async (id: string): Promise<Account | null> => remembered.get(id)?.account ?? (await look('id', id))

  return {
    start: async () => {
      const rows = await db.read.selectFrom('accounts').select('allowed_origins').where('allowed_origins', '<>', '[]').execute()
      for (const row of rows) origins.replace([], originsOf(row.allowed_origins))
      const token = settings.accountToken ?? newToken('ryz_a_')
      const first = await insert({ name: 'default' }, token, 'when there is none')
      return { newToken: first !== null && settings.accountToken === null ? token : null }
    },

    create: async (newAccount) => {
      const token = newToken('ryz_a_')
      const account = await insert(newAccount, token, 'always')
      if (account === null) throw accountErrors.nameTaken()
      return { account, token }
    },

    list: async ({ after, limit }) => {
      const page = db.read.selectFrom('accounts').selectAll().orderBy('id').limit(limit)
      const rows = await (after === undefined ? page : page.where('id', '>', after)).execute()
      const count = await db.read
        .selectFrom('accounts')
        .select((of) => of.fn.countAll().as('total'))
        .executeTakeFirstOrThrow()
      return { accounts: rows.map(accountOf), total: Number(count.total) }
    },

    change: async (id, change) => {
      const { before, after } = await update(id, columnsOf(change))
      if (after.suspended && !before.suspended) revoked(id)
      return after
    },

    rotateToken: async (id) => {
      const token = newToken('ryz_a_')
      const { after } = await update(id, { token_hash: tokenHash(token) })
      revoked(id)
      return { account: after, token }
    },

    delete: async (id) => {
      // Suspended before anything goes: no new instance appears behind the ones being deleted, and after a crash nobody uses what is left.
      const { after } = await update(id, { suspended: 1 })
      revoked(id)
      for (const listener of deleteListeners) await listener(after)
      await db.write(async (tx) => {
        await tx.deleteFrom('accounts').where('id', '=', id).execute()
      })
      changed(after, null)
    },

    byId,
    byName: async (name) => {
      const row = await db.read.selectFrom('accounts').selectAll().where('name', '=', name).executeTakeFirst()
      return row === undefined ? null : accountOf(row)
    },
    byTokenHash: (hash) => look('token_hash', hash),
    remembered: (hash) => {
      const id = idOfToken.get(hash)
      const entry = id === undefined ? undefined : remembered.get(id)
      return entry !== undefined && sameHash(entry.tokenHash, hash) ? entry.account : undefined
    },
    anyAllowsOrigin: origins.has,
    onDelete: (listener) => void deleteListeners.push(listener),
    onRevoked: (listener) => void revokeListeners.push(listener),
  }
}

const accountOf = (row: Selectable<AccountsTable>): Account => ({
  id: row.id,
  name: row.name,
  instanceQuota: row.instance_quota,
  requestsPerMinute: row.requests_per_minute,
  createsPerMinute: row.creates_per_minute,
  allowedOrigins: originsOf(row.allowed_origins),
  suspended: row.suspended === 1,
  createdAt: row.created_at,
})

const originsOf = (json: string): readonly string[] => {
  const parsed: unknown = JSON.parse(json)
  return Array.isArray(parsed) ? parsed.filter((origin) => typeof origin === 'string') : []
}

const columnsOf = (change: Partial<AccountLimits>): Partial<AccountsTable> => ({
  ...(change.instanceQuota !== undefined && { instance_quota: change.instanceQuota }),
  ...(change.requestsPerMinute !== undefined && { requests_per_minute: change.requestsPerMinute }),
  ...(change.createsPerMinute !== undefined && { creates_per_minute: change.createsPerMinute }),
  ...(change.allowedOrigins !== undefined && { allowed_origins: JSON.stringify(change.allowedOrigins) }),
  ...(change.suspended !== undefined && { suspended: change.suspended ? 1 : 0 }),
})

/** How many accounts list each origin, for preflights, which name no account. Only the administrator adds to it. */
const createOriginCount = () => {
  const counts = new Map<string, number>()
  const add = (origin: string, difference: number): void => {
    const count = (counts.get(origin) ?? 0) + difference
    if (count > 0) counts.set(origin, count)
    else counts.delete(origin)
  }
  return {
    replace: (before: readonly string[], after: readonly string[]): void => {
      for (const origin of before) add(origin, -1)
      for (const origin of after) add(origin, 1)
    },
    has: (origin: string): boolean => counts.has('*') || counts.has(origin),
  }
}
