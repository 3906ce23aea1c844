/** Rows that nearly every database test needs first: an account and an instance of it. What a test is about it says in `more`. */
import type { Insertable } from 'kysely'
import type { Database } from '../src/storage/database.ts'
import type { AccountsTable, InstancesTable } from '../src/storage/schema.ts'

const born = 1_790_000_000_000

export const accountRow = (id: string, more: Partial<Insertable<AccountsTable>> = {}): Insertable<AccountsTable> => ({
  id,
  name: `name of ${id}`,
  token_hash: `token of ${id}`,
  instance_quota: null,
  requests_per_minute: 100,
  creates_per_minute: 20,
  allowed_origins: '[]',
  suspended: 0,
  created_at: born,
  ...more,
})

export const instanceRow = (id: string, accountId: string, more: Partial<Insertable<InstancesTable>> = {}): Insertable<InstancesTable> => ({
  id,
  account_id: accountId,
  name: `name of ${id}`,
  token_hash: `token of ${id}`,
  token: Uint8Array.of(1, 2, 3),
  state: 'disconnected',
  state_reason: null,
  wanted: 0,
  number_jid: null,
  lid: null,
  profile_name: null,
  picture_url: null,
  business_name: null,
  platform: null,
  created_at: born,
  updated_at: born,
  ...more,
})

export const addAccount = (db: Database, id: string): Promise<void> =>
  db.write(async (tx) => void (await tx.insertInto('accounts').values(accountRow(id)).execute()))

/** Into an account that exists. */
export const addInstance = (db: Database, id: string, accountId: string, more: Partial<Insertable<InstancesTable>> = {}): Promise<void> =>
  db.write(
    async (tx) =>
      void (await tx
        .insertInto('instances')
        .values(instanceRow(id, accountId, more))
        .execute()),
  )
