/**
 * The table `inbox`: one row per decrypted stanza. It is written in the commit that moves the ratchet and settled in the transaction that records
 * the message; settled rows stay without their content for as long as WhatsApp may deliver the same ciphertext again.
 *
 *   to record ──▶ settled ──▶ purged
 *       └───────▶ set aside ─▶ purged later     the message in it can never be recorded
 *   awaited ────▶ settled                       content that could not be read: it came another way, or was given up
 *   history ────▶ settled                       tells of history: all of it is stored, or can not be had
 */
import type { Database, Reader, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { InboxState } from '../storage/schema.ts'
import type { Vault } from '../storage/vault.ts'

export const inboxStates = { toRecord: 0, settled: 1, awaited: 2, setAside: 3, history: 4 } as const satisfies Record<string, InboxState>

/** To be run in the transaction that stores what the row holds, or that finds it holds nothing. */
export const settleInbox = async (tx: Writer, instanceId: string, hashes: readonly string[]): Promise<void> => {
  await settle(tx, { instanceId }, hashes)
}

const settle = prepared((db, { instanceId }: { instanceId: string }, hashes: string[]) =>
  db
    .updateTable('inbox')
    .set({ done: inboxStates.settled, plaintext: new Uint8Array() })
    .where('instance_id', '=', instanceId)
    .where('hash', 'in', hashes),
)

/**
 * Settles a row that says itself what happened: false when that had been done before. For what has no key of its own to be told apart by; to be
 * run in the transaction that tells of it.
 */
export const claimInbox = async (tx: Writer, instanceId: string, hash: string): Promise<boolean> => {
  const claimed = await tx
    .updateTable('inbox')
    .set({ done: inboxStates.settled, plaintext: new Uint8Array() })
    .where('instance_id', '=', instanceId)
    .where('hash', '=', hash)
    .where('done', '=', inboxStates.toRecord)
    .executeTakeFirst()
  return claimed.numUpdatedRows > 0n
}

/** The row cannot be recorded and never will be by this version: nobody takes it up again, and its content is kept. */
export const setInboxAside = async (tx: Writer, instanceId: string, hash: string): Promise<void> => {
  await tx
    .updateTable('inbox')
    .set({ done: inboxStates.setAside })
    .where('instance_id', '=', instanceId)
    .where('hash', '=', hash)
    .where('done', '=', inboxStates.toRecord)
    .execute()
}

export interface LeftRow {
  instanceId: string
  hash: string
  /** Null: what stands in the row is damaged. */
  attributes: Record<string, string> | null
  /** Null: it cannot be unsealed. Empty for awaited rows. */
  plaintext: Uint8Array | null
  receivedAt: number
}

/** Rows received before this time (ms) that wait to be recorded, oldest first. Take them in pages: settle what you got, then ask again. */
export const unsettledInbox = (db: Reader, vault: Vault, before: number, limit: number): Promise<LeftRow[]> =>
  leftRows(db, vault, inboxStates.toRecord, before, limit)

/** The same for rows whose content never came. */
export const awaitedInbox = (db: Reader, vault: Vault, before: number, limit: number): Promise<LeftRow[]> =>
  leftRows(db, vault, inboxStates.awaited, before, limit)

const leftRows = async (db: Reader, vault: Vault, state: InboxState, before: number, limit: number): Promise<LeftRow[]> => {
  const rows = await db
    .selectFrom('inbox')
    .selectAll()
    .where('done', '=', state)
    .where('received_at', '<', before)
    .orderBy('received_at')
    .limit(limit)
    .execute()
  return rows.map(({ instance_id: instanceId, hash, attributes, plaintext, received_at: receivedAt }) => ({
    instanceId,
    hash,
    attributes: unlessDamaged(() => JSON.parse(attributes)),
    plaintext: unlessDamaged(() => vault.open(plaintext, inboxSeal(instanceId, hash))),
    receivedAt,
  }))
}

const unlessDamaged = <T>(read: () => T): T | null => {
  try {
    return read()
  } catch {
    return null
  }
}

/** Forgets rows in this state received before this time (ms), at most `limit`. Gives how many went; call again while that is `limit`. */
export const purgeInbox = (db: Database, state: 'settled' | 'setAside' | 'history', before: number, limit: number): Promise<number> =>
  db.write(async (tx) => {
    const old = await tx
      .selectFrom('inbox')
      .select(['instance_id', 'hash'])
      .where('done', '=', inboxStates[state])
      .where('received_at', '<', before)
      .limit(limit)
      .execute()
    for (const { instance_id, hash } of old) {
      await tx.deleteFrom('inbox').where('instance_id', '=', instance_id).where('hash', '=', hash).execute()
    }
    return old.length
  })

export const inboxSeal = (instanceId: string, hash: string) => ({ table: 'inbox', column: 'plaintext', row: `${instanceId}/${hash}` })
