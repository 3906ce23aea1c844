/** The table `instances`. Rows in state `deleting` are invisible here but for the functions that finish them. */
import type { Selectable } from 'kysely'
import type { Database, Writer } from '../storage/database.ts'
import type { InstanceState, InstancesTable } from '../storage/schema.ts'
import type { Vault } from '../storage/vault.ts'
import type { InstanceRecord } from './registry.ts'

export type InstanceRow = Selectable<InstancesTable>

export interface NewInstance {
  id: string
  accountId: string
  name: string
  token: string
  tokenHash: string
  now: number
}

export type InsertOutcome = 'inserted' | 'name-taken' | 'token-taken' | 'quota-exceeded' | 'account-gone'

/** What a change of state may bring along. Absent: as before. */
export interface StateChange {
  state: InstanceState
  reason: string
  wanted: boolean
  numberJid?: string | null
  lid?: string | null
  profileName?: string | null
  businessName?: string | null
  platform?: string | null
  now: number
}

export type InstanceRepository = ReturnType<typeof createInstanceRepository>

export const createInstanceRepository = ({ db, vault }: { db: Database; vault: Vault }) => {
  const sealContext = (id: string) => ({ table: 'instances', column: 'token', row: id })
  const openToken = (row: Pick<InstanceRow, 'id' | 'token'>): string => vault.openText(row.token, sealContext(row.id))

  return {
    /**
     * Checks and inserts in one transaction. Two creations of one account wait for each other on the account's row, so that neither
     * the quota nor the uniqueness of names can be outrun; tokens are unique over all accounts by the table's own key.
     */
    async insert(tx: Writer, instance: NewInstance): Promise<InsertOutcome> {
      // Writing the row is the lock that SQLite and PostgreSQL both know.
      const account = await tx
        .updateTable('accounts')
        .set((of) => ({ name: of.ref('name') }))
        .where('id', '=', instance.accountId)
        .returning('instance_quota')
        .executeTakeFirst()
      if (account === undefined) return 'account-gone'

      const sameName = await tx
        .selectFrom('instances')
        .select('id')
        .where('account_id', '=', instance.accountId)
        .where('name', '=', instance.name)
        .executeTakeFirst()
      if (sameName !== undefined) return 'name-taken'

      const accountToken = await tx.selectFrom('accounts').select('id').where('token_hash', '=', instance.tokenHash).executeTakeFirst()
      if (accountToken !== undefined) return 'token-taken'

      if (account.instance_quota !== null) {
        const { count } = await tx
          .selectFrom('instances')
          .select((of) => of.fn.countAll().as('count'))
          .where('account_id', '=', instance.accountId)
          .where('state', '!=', 'deleting')
          .executeTakeFirstOrThrow()
        if (Number(count) >= account.instance_quota) return 'quota-exceeded'
      }

      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('instances')
        .values({
          id: instance.id,
          account_id: instance.accountId,
          name: instance.name,
          token_hash: instance.tokenHash,
          token: vault.seal(instance.token, sealContext(instance.id)),
          state: 'disconnected',
          state_reason: 'created',
          wanted: 0,
          number_jid: null,
          lid: null,
          profile_name: null,
          picture_url: null,
          business_name: null,
          platform: null,
          created_at: instance.now,
          updated_at: instance.now,
        })
        .onConflict((conflict) => conflict.column('token_hash').doNothing())
        .executeTakeFirst()
      return numInsertedOrUpdatedRows === 1n ? 'inserted' : 'token-taken'
    },

    /** False when the instance is gone or going. */
    async saveState(tx: Writer, id: string, change: StateChange): Promise<boolean> {
      const { numUpdatedRows } = await tx
        .updateTable('instances')
        .set({
          state: change.state,
          state_reason: change.reason,
          wanted: change.wanted ? 1 : 0,
          number_jid: change.numberJid,
          lid: change.lid,
          profile_name: change.profileName,
          business_name: change.businessName,
          platform: change.platform,
          updated_at: change.now,
        })
        .where('id', '=', id)
        .where('state', '!=', 'deleting')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async saveProfile(tx: Writer, id: string, profile: { profileName?: string | null; pictureUrl?: string | null }): Promise<void> {
      await tx
        .updateTable('instances')
        .set({ profile_name: profile.profileName, picture_url: profile.pictureUrl })
        .where('id', '=', id)
        .where('state', '!=', 'deleting')
        .execute()
    },

    /**
     * The first step of a deletion. Name and token are given back in the same write, so that both can be used again however long the
     * rest takes; `:` stands in no name and in no hash. False when somebody else was first.
     */
    async markDeleting(tx: Writer, id: string, now: number): Promise<boolean> {
      const { numUpdatedRows } = await tx
        .updateTable('instances')
        .set({ state: 'deleting', state_reason: 'delete', name: `deleted:${id}`, token_hash: `deleted:${id}`, updated_at: now })
        .where('id', '=', id)
        .where('state', '!=', 'deleting')
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    /** The last step: the row and, by `on delete cascade`, everything that hangs on its id. */
    async erase(tx: Writer, id: string): Promise<void> {
      await tx.deleteFrom('instances').where('id', '=', id).execute()
    },

    /** Deletions that were interrupted; `wanted` tells whether a log-out is owed. */
    async unfinishedDeletions(accountId?: string): Promise<{ id: string; wanted: boolean }[]> {
      const all = db.read.selectFrom('instances').select(['id', 'wanted']).where('state', '=', 'deleting')
      const rows = await (accountId === undefined ? all : all.where('account_id', '=', accountId)).execute()
      return rows.map((row) => ({ id: row.id, wanted: row.wanted === 1 }))
    },

    /** What was connected, connecting or waiting for a scan when the gateway ended is not any more. */
    async settleAfterRestart(tx: Writer): Promise<void> {
      await tx
        .updateTable('instances')
        .set({ state: 'disconnected', state_reason: 'gateway-restart' })
        .where('state', 'in', ['connected', 'connecting', 'qr'])
        .execute()
    },

    async load(): Promise<InstanceRecord[]> {
      const rows = await db.read
        .selectFrom('instances')
        .select([
          'id',
          'account_id',
          'name',
          'token_hash',
          'state',
          'state_reason',
          'wanted',
          'number_jid',
          'lid',
          'created_at',
          'updated_at',
        ])
        .where('state', '!=', 'deleting')
        .orderBy('id')
        .execute()
      return rows.map((row) => ({
        id: row.id,
        accountId: row.account_id,
        name: row.name,
        tokenHash: row.token_hash,
        state: row.state,
        reason: row.state_reason,
        wanted: row.wanted === 1,
        numberJid: row.number_jid,
        lid: row.lid,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      }))
    },

    ofAccount(accountId: string): Promise<InstanceRow[]> {
      return db.read
        .selectFrom('instances')
        .selectAll()
        .where('account_id', '=', accountId)
        .where('state', '!=', 'deleting')
        .orderBy('id')
        .execute()
    },

    async byId(id: string): Promise<InstanceRow | null> {
      const row = await db.read.selectFrom('instances').selectAll().where('id', '=', id).where('state', '!=', 'deleting').executeTakeFirst()
      return row ?? null
    },

    /** Also while it is being deleted, for the events that are still on their way. */
    async token(id: string): Promise<string | null> {
      const row = await db.read.selectFrom('instances').select(['id', 'token']).where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : openToken(row)
    },

    openToken,
  }
}
