/** Who gets a story: those whom the account's settings in the app name, out of the people we know. */
import type { Reader } from '../storage/database.ts'
import { addressOf } from '../whatsapp/address.ts'
import type { Address } from '../whatsapp/engine.ts'
import type { StorySession } from '../whatsapp/stories.ts'
import type { People } from './people.ts'

/** Everybody gets a key of their own; WhatsApp's own limit is not known. */
const LARGEST = 5_000

/**
 * The address book comes from the phone, with history and app state. Until some of it has come, everybody we know of counts, as those who
 * wrote to the account do. Throws EngineError when WhatsApp cannot be asked.
 */
export const findStoryAudience = async (
  reader: Reader,
  instanceId: string,
  session: StorySession,
  people: Pick<People, 'meet'>,
): Promise<Address[]> => {
  const privacy = await session.storyPrivacy()
  if (privacy.shownTo === 'only') return privacy.people.slice(0, LARGEST)
  const contacts = reader
    .selectFrom('contacts')
    .select('jid')
    .where('instance_id', '=', instanceId)
    .where((row) => row.or([row('jid', 'like', '%@s.whatsapp.net'), row('jid', 'like', '%@lid')]))
    .limit(LARGEST)
  const saved = await contacts.where('saved_name', 'is not', null).execute()
  const known = saved.length > 0 ? saved : await contacts.execute()
  const addresses = known.map(({ jid }) => addressOf(jid))
  if (privacy.people.length === 0) return addresses
  // The app may name by LID whom we know by number, or the other way round.
  const introduce = await people.meet(instanceId, [...addresses, ...privacy.people])
  return without(addresses.map(introduce), privacy.people.map(introduce))
}

/** Those of `people` who are not among `hidden`, under either name. Pure. */
export const without = (people: readonly Address[], hidden: readonly Address[]): Address[] => {
  const names = new Set(hidden.flatMap(({ jid, lid }) => [jid, lid].filter((name) => name !== null)))
  return people.filter(({ jid, lid }) => !names.has(jid ?? '') && !names.has(lid ?? ''))
}
