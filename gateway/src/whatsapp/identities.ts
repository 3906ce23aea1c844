/** LID ⇄ number over the database. One LID has one number and the other way round; what is learned last counts. */
import type { Database } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { IdentitiesTable } from '../storage/schema.ts'
import type { IdentityStore } from './engine.ts'

export class DatabaseIdentityStore implements IdentityStore {
  readonly #db: Database
  readonly #instanceId: string

  constructor(db: Database, instanceId: string) {
    this.#db = db
    this.#instanceId = instanceId
  }

  async lidsOf(numbers: readonly string[]): Promise<Map<string, string>> {
    const rows = await withNumber(this.#db.read, { instanceId: this.#instanceId }, numbers)
    return new Map(rows.map(({ number, lid }) => [number, lid]))
  }

  async numbersOf(lids: readonly string[]): Promise<Map<string, string>> {
    const rows = await withLid(this.#db.read, { instanceId: this.#instanceId }, lids)
    return new Map(rows.map(({ number, lid }) => [lid, number]))
  }

  async learn(pairs: readonly { number: string; lid: string }[]): Promise<void> {
    // Of several with the same number or LID the last one counts, within the call as between calls.
    const byNumber = new Map(pairs.map((pair) => [pair.number, pair]))
    const last = [...new Map([...byNumber.values()].map((pair) => [pair.lid, pair])).values()]
    const known = await this.lidsOf(last.map(({ number }) => number))
    const fresh = last.filter(({ number, lid }) => known.get(number) !== lid)
    const instance = { instanceId: this.#instanceId }
    for (let start = 0; start < fresh.length; start += TOGETHER) {
      const rows = fresh.slice(start, start + TOGETHER).map(({ number, lid }) => ({ instance_id: this.#instanceId, number, lid }))
      await this.#db.write(async (tx) => {
        await dropNumbers(
          tx,
          instance,
          rows.map(({ number }) => number),
        )
        await dropLids(
          tx,
          instance,
          rows.map(({ lid }) => lid),
        )
        await addPairs(tx, {}, rows)
      })
    }
  }
}

/** Pairs in one transaction: bounds how long it holds up the others. */
const TOGETHER = 1_000

interface OfInstance {
  instanceId: string
}

const withNumber = prepared((db, { instanceId }: OfInstance, numbers: string[]) =>
  db.selectFrom('identities').select(['number', 'lid']).where('instance_id', '=', instanceId).where('number', 'in', numbers),
)

const withLid = prepared((db, { instanceId }: OfInstance, lids: string[]) =>
  db.selectFrom('identities').select(['number', 'lid']).where('instance_id', '=', instanceId).where('lid', 'in', lids),
)

const dropNumbers = prepared((db, { instanceId }: OfInstance, numbers: string[]) =>
  db.deleteFrom('identities').where('instance_id', '=', instanceId).where('number', 'in', numbers),
)

const dropLids = prepared((db, { instanceId }: OfInstance, lids: string[]) =>
  db.deleteFrom('identities').where('instance_id', '=', instanceId).where('lid', 'in', lids),
)

const addPairs = prepared((db, _: object, pairs: IdentitiesTable[]) => db.insertInto('identities').values(pairs))
