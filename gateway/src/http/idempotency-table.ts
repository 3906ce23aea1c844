/** Where the requests with an Idempotency-Key are kept. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../runtime/clock.ts'
import type { Database } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { IdempotencyStore } from './idempotency.ts'

const KEPT_MS = 24 * 60 * 60 * 1000
const CHUNK = 500

export const createIdempotencyTable = ({ db, vault, clock }: { db: Database; vault: Vault; clock: Clock }): IdempotencyStore => {
  const contextOf = (row: string) => ({ table: 'idempotency_keys', column: 'answer', row })

  return {
    async claim({ id, accountId, instanceId, request }) {
      const now = clock.now()
      const seed = randomBytes(8).toString('hex').toUpperCase()
      const row = await db.write(async (tx) => {
        const found = await tx
          .selectFrom('idempotency_keys')
          .select(['request', 'seed', 'status', 'answer'])
          .where('id', '=', id)
          .where('created_at', '>', now - KEPT_MS)
          .executeTakeFirst()
        if (found !== undefined) return found
        await tx.deleteFrom('idempotency_keys').where('id', '=', id).execute()
        await tx
          .insertInto('idempotency_keys')
          .values({ id, account_id: accountId, instance_id: instanceId, request, seed, status: null, answer: null, created_at: now })
          .execute()
        return null
      })
      if (row === null) return { kind: 'new', seed }
      if (row.request !== request) return { kind: 'other' }
      if (row.status === null || row.answer === null) return { kind: 'unfinished', seed: row.seed }
      return { kind: 'answered', status: row.status, body: JSON.parse(vault.openText(row.answer, contextOf(id))) }
    },
    async keep(id, { status, body }) {
      const answer = vault.seal(JSON.stringify(body), contextOf(id))
      await db.write((tx) => tx.updateTable('idempotency_keys').set({ status, answer }).where('id', '=', id).execute())
    },
    async release(id) {
      await db.write((tx) => tx.deleteFrom('idempotency_keys').where('id', '=', id).execute())
    },
    async purge() {
      for (;;) {
        const old = await db.read
          .selectFrom('idempotency_keys')
          .select('id')
          .where('created_at', '<=', clock.now() - KEPT_MS)
          .limit(CHUNK)
          .execute()
        const ids = old.map(({ id }) => id)
        if (ids.length > 0) await db.write((tx) => tx.deleteFrom('idempotency_keys').where('id', 'in', ids).execute())
        if (ids.length < CHUNK) return
      }
    },
  }
}
