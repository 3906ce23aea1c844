/** Who is who: completes addresses with their other form and gives people their names. What is asked often comes from memory. */
import type { Insertable } from 'kysely'
import { storeNameWords } from '../chats/name-words.ts'
import { createBoundedMap, dropPrefix } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Database, Reader, Writer } from '../storage/database.ts'
import { prepared } from '../storage/prepared.ts'
import type { ContactsTable } from '../storage/schema.ts'
import type { Address, IdentityStore } from '../whatsapp/engine.ts'
import { lidJid, numberJid, parseJid } from '../whatsapp/jid.ts'
import { canonical } from './context.ts'
import type { Person } from './exchange.ts'

interface Names {
  push: string | null
  saved: string | null
  business: string | null
  redacted: string | null
  announcements: boolean
}

/** Null, or left out = not told. */
export interface NameChange {
  address: Address
  pushName: string | null
  /** Empty: no longer in the address book. */
  savedName: string | null
  /** Of a group: it is the announcement group of a community, which it then is for good. */
  isAnnouncementGroup?: boolean
  /** As WhatsApp has verified it. */
  businessName?: string | null
  /** The number with most of it hidden, of somebody who shows no more. */
  redactedPhone?: string | null
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
    const found = await storedNames(db.read, instanceId, missing)
    for (const jid of missing) {
      const key = keyOf(instanceId, jid)
      // What was remembered meanwhile is newer than what was read.
      if (known.get(key) === undefined) known.set(key, found.get(jid) ?? nameless)
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
        const name = names?.saved ?? names?.push ?? names?.business ?? null
        return names?.announcements ? { jid, lid, name, isCommunity: true } : { jid, lid, name }
      }
    },
    news: (instanceId, changes) =>
      changes.filter((change) => {
        const names = known.get(keyOf(instanceId, canonical(change.address))) ?? nameless
        const next = changed(names, change)
        return kinds.some((kind) => next[kind] !== names[kind])
      }),
    async store(tx, instanceId, changes) {
      if (changes.length === 0) return
      const before = await storedNames(tx, instanceId, [...new Set(changes.map(({ address }) => canonical(address)))])
      // The last word counts; PostgreSQL refuses the same row twice in one statement.
      const after = new Map<string, Names>()
      for (const change of changes) {
        const jid = canonical(change.address)
        after.set(jid, changed(after.get(jid) ?? before.get(jid) ?? nameless, change))
      }
      const now = clock.now()
      const rows = [...after].map(([jid, { push, saved, business, redacted, announcements }]) => ({
        instance_id: instanceId,
        jid,
        push_name: push,
        saved_name: saved,
        business_name: business,
        redacted_phone: redacted,
        announcement_group: announcements ? 1 : null,
        updated_at: now,
      }))
      await putNames(tx, {}, rows)
      await storeNameWords(
        tx,
        instanceId,
        [...after].map(([jid, names]) => ({ jid, before: textOf(before.get(jid) ?? nameless), after: textOf(names) })),
      )
    },
    remember(instanceId, changes) {
      for (const change of changes) {
        const key = keyOf(instanceId, canonical(change.address))
        known.set(key, changed(known.get(key) ?? nameless, change))
      }
    },
    forget: (instanceId) => dropPrefix(known, keyOf(instanceId, '')),
  }
}

const nameless: Names = { push: null, saved: null, business: null, redacted: null, announcements: false }
const kinds = ['push', 'saved', 'business', 'redacted', 'announcements'] as const

const changed = (names: Names, { pushName, savedName, businessName, redactedPhone, isAnnouncementGroup }: NameChange): Names => ({
  push: pushName ?? names.push,
  saved: savedName === null ? names.saved : savedName || null,
  business: businessName ?? names.business,
  redacted: redactedPhone ?? names.redacted,
  announcements: isAnnouncementGroup || names.announcements,
})

const textOf = ({ saved, push, business }: Names): string => [saved, push, business].join(' ')

const storedNames = async (reader: Reader | Writer, instanceId: string, jids: readonly string[]): Promise<Map<string, Names>> => {
  const rows = await namesAmong(reader, { instanceId }, jids)
  return new Map(
    rows.map((row) => [
      row.jid,
      {
        push: row.push_name,
        saved: row.saved_name,
        business: row.business_name,
        redacted: row.redacted_phone,
        announcements: row.announcement_group === 1,
      },
    ]),
  )
}

const namesAmong = prepared((db, { instanceId }: { instanceId: string }, jids: string[]) =>
  db
    .selectFrom('contacts')
    .select(['jid', 'push_name', 'saved_name', 'business_name', 'redacted_phone', 'announcement_group'])
    .where('instance_id', '=', instanceId)
    .where('jid', 'in', jids),
)

const putNames = prepared((db, _: object, rows: Insertable<ContactsTable>[]) =>
  db
    .insertInto('contacts')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['instance_id', 'jid']).doUpdateSet((row) => ({
        push_name: row.ref('excluded.push_name'),
        saved_name: row.ref('excluded.saved_name'),
        business_name: row.ref('excluded.business_name'),
        redacted_phone: row.ref('excluded.redacted_phone'),
        announcement_group: row.ref('excluded.announcement_group'),
        updated_at: row.ref('excluded.updated_at'),
      })),
    ),
)

const userOf = (jid: string): string => parseJid(jid)?.user ?? jid
const isNumber = (jid: string): boolean => jid.endsWith('@s.whatsapp.net')
