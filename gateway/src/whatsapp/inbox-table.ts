/**
 * The table `inbox`: one row per decrypted stanza. It is written in the commit that moves the ratchet and settled in the transaction that records
 * the message; settled rows stay without their content for as long as WhatsApp may deliver the same ciphertext again.
 */
import type { Database, Reader, Writer } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { InboxRow } from './engine.ts'

/** To be run in the transaction that stores what the row holds, or that finds it holds nothing. */
export const settleInbox = async (tx: Writer, instanceId: string, hashes: readonly string[]): Promise<void> => {
  if (hashes.length === 0) return
  await tx
    .updateTable('inbox')
    .set({ done: 1, plaintext: new Uint8Array() })
    .where('instance_id', '=', instanceId)
    .where('hash', 'in', [...hashes])
    .execute()
}

/** Rows a crash left behind, oldest first. Take them in pages: settle what you got, then ask again. */
export const unsettledInbox = async (db: Reader, vault: Vault, limit: number): Promise<{ instanceId: string; row: InboxRow }[]> => {
  const rows = await db.selectFrom('inbox').selectAll().where('done', '=', 0).orderBy('received_at').limit(limit).execute()
  return rows.map(({ instance_id: instanceId, hash, attributes, plaintext, received_at: receivedAt }) => ({
    instanceId,
    row: {
      hash,
      attributes: JSON.parse(attributes),
      plaintext: vault.open(plaintext, inboxSeal(instanceId, hash)),
      receivedAt,
    },
  }))
}

/** Forgets settled rows received before this time (ms), at most `limit`. Gives how many went; call again while that is `limit`. */
export const purgeInbox = (db: Database, before: number, limit: number): Promise<number> =>
  db.write(async (tx) => {
    const old = await tx
      .selectFrom('inbox')
      .select(['instance_id', 'hash'])
      .where('done', '=', 1)
      .where('received_at', '<', before)
      .limit(limit)
      .execute()
    for (const { instance_id, hash } of old) {
      await tx.deleteFrom('inbox').where('instance_id', '=', instance_id).where('hash', '=', hash).execute()
    }
    return old.length
  })

export const inboxSeal = (instanceId: string, hash: string) => ({ table: 'inbox', column: 'plaintext', row: `${instanceId}/${hash}` })
