/** LID ⇄ number over the database. One LID has one number and the other way round; what is learned last counts. */
import type { Database } from '../storage/database.ts'
import type { IdentityStore } from './engine.ts'

export class DatabaseIdentityStore implements IdentityStore {
  readonly #db: Database
  readonly #instanceId: string

  constructor(db: Database, instanceId: string) {
    this.#db = db
    this.#instanceId = instanceId
  }

  async lidsOf(numbers: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const part of chunks(numbers)) {
      for (const { number, lid } of await this.#rows('number', part)) found.set(number, lid)
    }
    return found
  }

  async numbersOf(lids: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>()
    for (const part of chunks(lids)) {
      for (const { number, lid } of await this.#rows('lid', part)) found.set(lid, number)
    }
    return found
  }

  async learn(pairs: readonly { number: string; lid: string }[]): Promise<void> {
    // Of several with the same number or LID the last one counts, within the call as between calls.
    const byNumber = new Map(pairs.map((pair) => [pair.number, pair]))
    const last = [...new Map([...byNumber.values()].map((pair) => [pair.lid, pair])).values()]
    const known = await this.lidsOf(last.map(({ number }) => number))
    const fresh = last.filter(({ number, lid }) => known.get(number) !== lid)
    for (const part of chunks(fresh)) {
      const values = part.map(({ number, lid }) => ({ instance_id: this.#instanceId, number, lid }))
      await this.#db.write(async (tx) => {
        const mine = tx.deleteFrom('identities').where('instance_id', '=', this.#instanceId)
        await mine
          .where((row) =>
            row.or([
              row(
                'number',
                'in',
                values.map(({ number }) => number),
              ),
              row(
                'lid',
                'in',
                values.map(({ lid }) => lid),
              ),
            ]),
          )
          .execute()
        await tx.insertInto('identities').values(values).execute()
      })
    }
  }

  #rows(column: 'number' | 'lid', values: readonly string[]): Promise<{ number: string; lid: string }[]> {
    return this.#db.read
      .selectFrom('identities')
      .select(['number', 'lid'])
      .where('instance_id', '=', this.#instanceId)
      .where(column, 'in', [...values])
      .execute()
  }
}

const CHUNK = 1_000

const chunks = <T>(values: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(values.length / CHUNK) }, (_, i) => values.slice(i * CHUNK, (i + 1) * CHUNK))
