/** Who is who: completes addresses with their other form and gives people their names. What is asked often comes from memory. */
import type { Insertable } from 'kysely'
import { createBoundedMap, dropPrefix } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Database, Writer } from '../storage/database.ts'
import type { ContactsTable } from '../storage/schema.ts'
import type { Address, IdentityStore } from '../whatsapp/engine.ts'
import { lidJid, numberJid, parseJid } from '../whatsapp/jid.ts'
import { canonical } from './context.ts'
import type { Person } from './exchange.ts'

interface Names {
  push: string | null
  saved: string | null
  announcements: boolean
}

export interface NameChange {
  address: Address
  /** Null = not told. */
  pushName: string | null
  savedName: string | null
  /** Of a group: it is the announcement group of a community, which it then is for good. */
  isAnnouncementGroup?: boolean
}

export interface People {
  /** Looks up whoever is among `addresses`, at once; the answer then introduces each of them. */
  meet(instanceId: string, addresses: readonly Address[]): Promise<(address: Address) => Person>
  /** Those of the changes that say something new about people met before. */
  news(instanceId: string, changes: readonly NameChange[]): NameChange[]
  store(tx: Writer, instanceId: string, changes: readonly NameChange[]): Promise<void>
  /** To be called once the changes are durable. */
  remember(instanceId: string, changes: readonly NameChange[]): void
  /** The instance is gone. */
  forget(instanceId: string): void
}

interface Collaborators {
  db: Database
  clock: Clock
  identitiesOf(instanceId: string): IdentityStore
}

/** Over all instances; one is about 150 bytes. */
const REMEMBERED_NAMES = 100_000

export const createPeople = ({ db, clock, identitiesOf }: Collaborators): People => {
  const known = createBoundedMap<string, Names>(REMEMBERED_NAMES)
  const keyOf = (instanceId: string, jid: string): string => `${instanceId} ${jid}`

  const loadNames = async (instanceId: string, jids: readonly string[]): Promise<void> => {
    const missing = [...new Set(jids)].filter((jid) => jid !== '' && known.get(keyOf(instanceId, jid)) === undefined)
    if (missing.length === 0) return
    const rows = await db.read
      .selectFrom('contacts')
      .select(['jid', 'push_name', 'saved_name', 'announcement_group'])
      .where('instance_id', '=', instanceId)
      .where('jid', 'in', missing)
      .execute()
    const found = new Map(
      rows.map((row) => [row.jid, { push: row.push_name, saved: row.saved_name, announcements: row.announcement_group === 1 }]),
    )
    for (const jid of missing) {
      const key = keyOf(instanceId, jid)
      // What was remembered meanwhile is newer than what was read.
      if (known.get(key) === undefined) known.set(key, found.get(jid) ?? { push: null, saved: null, announcements: false })
    }
  }

  const completion = async (instanceId: string, addresses: readonly Address[]): Promise<(address: Address) => Address> => {
    const lids = [...new Set(addresses.flatMap(({ jid, lid }) => (jid === null && lid !== null ? [userOf(lid)] : [])))]
    const numbers = [...new Set(addresses.flatMap(({ jid, lid }) => (lid === null && jid !== null && isNumber(jid) ? [userOf(jid)] : [])))]
    if (lids.length === 0 && numbers.length === 0) return (address) => address
    const identities = identitiesOf(instanceId)
    const [numberByLid, lidByNumber] = await Promise.all([
      lids.length === 0 ? new Map<string, string>() : identities.numbersOf(lids),
      numbers.length === 0 ? new Map<string, string>() : identities.lidsOf(numbers),
    ])
    return ({ jid, lid }) => {
      if (jid === null && lid !== null) {
        const number = numberByLid.get(userOf(lid))
        return { jid: number === undefined ? null : numberJid(number), lid }
      }
      if (lid === null && jid !== null && isNumber(jid)) {
        const other = lidByNumber.get(userOf(jid))
        return { jid, lid: other === undefined ? null : lidJid(other) }
      }
      return { jid, lid }
    }
  }

  return {
    async meet(instanceId, addresses) {
      const complete = await completion(instanceId, addresses)
      const jids = addresses.map((address) => canonical(complete(address)))
      await loadNames(instanceId, jids)
      return (address) => {
        const { jid, lid } = complete(address)
        const names = known.get(keyOf(instanceId, canonical({ jid, lid })))
        const name = names?.saved ?? names?.push ?? null
        return names?.announcements ? { jid, lid, name, isCommunity: true } : { jid, lid, name }
      }
    },
    news: (instanceId, changes) =>
      changes.filter(({ address, pushName, savedName, isAnnouncementGroup = false }) => {
        const names = known.get(keyOf(instanceId, canonical(address)))
        const isNew = isAnnouncementGroup && !names?.announcements
        return isNew || (pushName !== null && pushName !== names?.push) || (savedName !== null && savedName !== names?.saved)
      }),
    async store(tx, instanceId, changes) {
      if (changes.length === 0) return
      const now = clock.now()
      // The last word counts; PostgreSQL refuses the same row twice in one statement.
      const rows = new Map<string, Insertable<ContactsTable>>()
      for (const { address, pushName, savedName, isAnnouncementGroup } of changes) {
        const jid = canonical(address)
        const before = rows.get(jid)
        rows.set(jid, {
          instance_id: instanceId,
          jid,
          push_name: pushName ?? before?.push_name ?? null,
          saved_name: savedName ?? before?.saved_name ?? null,
          announcement_group: isAnnouncementGroup ? 1 : (before?.announcement_group ?? null),
          updated_at: now,
        })
      }
      await tx
        .insertInto('contacts')
        .values([...rows.values()])
        .onConflict((conflict) =>
          conflict.columns(['instance_id', 'jid']).doUpdateSet((row) => ({
            push_name: row.fn.coalesce('excluded.push_name', 'contacts.push_name'),
            saved_name: row.fn.coalesce('excluded.saved_name', 'contacts.saved_name'),
            announcement_group: row.fn.coalesce('excluded.announcement_group', 'contacts.announcement_group'),
            updated_at: now,
          })),
        )
        .execute()
    },
    remember(instanceId, changes) {
      for (const { address, pushName, savedName, isAnnouncementGroup } of changes) {
        const key = keyOf(instanceId, canonical(address))
        const names = known.get(key)
        const announcements = isAnnouncementGroup || names?.announcements === true
        known.set(key, { push: pushName ?? names?.push ?? null, saved: savedName ?? names?.saved ?? null, announcements })
      }
    },
    forget: (instanceId) => dropPrefix(known, keyOf(instanceId, '')),
  }
}

const userOf = (jid: string): string => parseJid(jid)?.user ?? jid
const isNumber = (jid: string): boolean => jid.endsWith('@s.whatsapp.net')
