/** The session store over the database: credentials, Signal and other records, inbox rows; everything secret sealed. */
import type { Database } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { InboxState, InboxTable, SignalRecordsTable } from '../storage/schema.ts'
import type { Vault } from '../storage/vault.ts'
import type { InboxRow, KnownStanza, SessionStore, StoreBatch } from './engine.ts'
import { inboxSeal, inboxStates, settleInbox } from './inbox-table.ts'

/** The records of one instance. Cheap to make: it holds nothing. */
export class DatabaseSessionStore implements SessionStore {
  readonly #db: Database
  readonly #vault: Vault
  readonly #instanceId: string

  constructor(db: Database, vault: Vault, instanceId: string) {
    this.#db = db
    this.#vault = vault
    this.#instanceId = instanceId
  }

  async loadCredentials(): Promise<Uint8Array | null> {
    const row = await this.#db.read
      .selectFrom('session_credentials')
      .select('value')
      .where('instance_id', '=', this.#instanceId)
      .executeTakeFirst()
    return row === undefined ? null : this.#vault.open(row.value, this.#credentialsSeal())
  }

  async saveCredentials(bytes: Uint8Array): Promise<void> {
    const values = { instance_id: this.#instanceId, value: this.#vault.seal(bytes, this.#credentialsSeal()) }
    await this.#db.write((tx) =>
      tx
        .insertInto('session_credentials')
        .values(values)
        .onConflict((conflict) => conflict.column('instance_id').doUpdateSet({ value: values.value }))
        .execute(),
    )
  }

  async load(kind: string, ids: readonly string[]): Promise<Map<string, Uint8Array>> {
    const rows = await recordsAmong(this.#db.read, { instanceId: this.#instanceId, kind }, ids)
    return new Map(rows.map(({ id, value }) => [id, this.#vault.open(value, this.#recordSeal(kind, id))]))
  }

  async commit(batch: StoreBatch): Promise<void> {
    const instance_id = this.#instanceId
    // Sealed before the transaction begins: it should only write.
    const records = batch.put.map(({ kind, id, value }) => ({
      instance_id,
      kind,
      id,
      value: this.#vault.seal(value, this.#recordSeal(kind, id)),
    }))
    const inbox = [
      ...(batch.inbox ?? []).map((row) => this.#sealedRow(row, inboxStates.toRecord)),
      ...(batch.awaited ?? []).map((row) => this.#sealedRow(row, inboxStates.awaited)),
      ...(batch.history ?? []).map((row) => this.#sealedRow(row, inboxStates.history)),
    ]
    await this.#db.write(async (tx) => {
      await putRecords(tx, {}, records)
      for (const [kind, ids] of byKind(batch.remove)) await dropRecords(tx, { instanceId: instance_id, kind }, ids)
      await addRows(tx, {}, inbox)
      if (batch.settleInbox !== undefined) await settleInbox(tx, instance_id, batch.settleInbox)
    })
  }

  async findInbox(hash: string): Promise<KnownStanza | null> {
    const row = await this.#db.read
      .selectFrom('inbox')
      .selectAll()
      .where('instance_id', '=', this.#instanceId)
      .where('hash', '=', hash)
      .executeTakeFirst()
    if (row === undefined) return null
    const recorded = row.done === inboxStates.settled
    return { row: recorded ? unsealed(row, new Uint8Array()) : this.#unsealedRow(row), recorded }
  }

  async loadAwaited(limit: number): Promise<InboxRow[]> {
    const rows = await this.#db.read
      .selectFrom('inbox')
      .select(['hash', 'attributes', 'received_at'])
      .where('instance_id', '=', this.#instanceId)
      .where('done', '=', inboxStates.awaited)
      .orderBy('received_at', 'desc')
      .limit(limit)
      .execute()
    return rows.map((row) => unsealed(row, new Uint8Array()))
  }

  async nextHistory(after: Pick<InboxRow, 'hash' | 'receivedAt'> | null): Promise<InboxRow | null> {
    const { receivedAt, hash } = after ?? { receivedAt: 0, hash: '' }
    const row = await this.#db.read
      .selectFrom('inbox')
      .selectAll()
      .where('instance_id', '=', this.#instanceId)
      .where('done', '=', inboxStates.history)
      .where((row) => row.or([row('received_at', '>', receivedAt), row('received_at', '=', receivedAt).and('hash', '>', hash)]))
      .orderBy('received_at')
      .orderBy('hash')
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? null : this.#unsealedRow(row)
  }

  async clear(): Promise<void> {
    await this.#db.write(async (tx) => {
      await tx.deleteFrom('session_credentials').where('instance_id', '=', this.#instanceId).execute()
      await tx.deleteFrom('signal_records').where('instance_id', '=', this.#instanceId).execute()
    })
  }

  #sealedRow({ hash, attributes, plaintext, receivedAt }: InboxRow, done: InboxState) {
    return {
      instance_id: this.#instanceId,
      hash,
      attributes: JSON.stringify(attributes),
      plaintext: this.#vault.seal(plaintext, inboxSeal(this.#instanceId, hash)),
      received_at: receivedAt,
      done,
    }
  }

  #unsealedRow(row: InboxTable): InboxRow {
    return unsealed(row, this.#vault.open(row.plaintext, inboxSeal(this.#instanceId, row.hash)))
  }

  #credentialsSeal() {
    return { table: 'session_credentials', column: 'value', row: this.#instanceId }
  }

  #recordSeal(kind: string, id: string) {
    return { table: 'signal_records', column: 'value', row: `${this.#instanceId}/${kind}/${id}` }
  }
}

const unsealed = (row: Pick<InboxTable, 'hash' | 'attributes' | 'received_at'>, plaintext: Uint8Array): InboxRow => ({
  hash: row.hash,
  attributes: JSON.parse(row.attributes),
  plaintext,
  receivedAt: row.received_at,
})

interface RecordKind {
  instanceId: string
  kind: string
}

const recordsAmong = prepared((db, { instanceId, kind }: RecordKind, ids: string[]) =>
  db
    .selectFrom('signal_records')
    .select(['id', 'value'])
    .where('instance_id', '=', instanceId)
    .where('kind', '=', kind)
    .where('id', 'in', ids),
)

const dropRecords = prepared((db, { instanceId, kind }: RecordKind, ids: string[]) =>
  db.deleteFrom('signal_records').where('instance_id', '=', instanceId).where('kind', '=', kind).where('id', 'in', ids),
)

const putRecords = prepared((db, _: object, records: SignalRecordsTable[]) =>
  db
    .insertInto('signal_records')
    .values(records)
    .onConflict((conflict) => conflict.columns(['instance_id', 'kind', 'id']).doUpdateSet((row) => ({ value: row.ref('excluded.value') }))),
)

const addRows = prepared((db, _: object, rows: InboxTable[]) =>
  db
    .insertInto('inbox')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['instance_id', 'hash']).doNothing()),
)

const byKind = (records: StoreBatch['remove']): Map<string, string[]> => {
  const kinds = new Map<string, string[]>()
  for (const { kind, id } of records) kinds.set(kind, [...(kinds.get(kind) ?? []), id])
  return kinds
}
