/** Who gets a story: those whom the account's settings in the app name, out of the people we know. */
import type { Reader } from '../storage/database.ts'
import type { Address } from '../whatsapp/engine.ts'
import { isLid } from '../whatsapp/jid.ts'
import type { StoryPrivacy, StorySession } from '../whatsapp/stories.ts'
import { canonical } from './context.ts'

/** Everybody gets a key of their own; WhatsApp's own limit is not known. */
const LARGEST = 5_000

/**
 * The address book comes from the phone, with history and app state. Until some of it has come, everybody we know of counts, as those who
 * wrote to the account do. Throws EngineError when WhatsApp cannot be asked.
 */
export const findStoryAudience = async (reader: Reader, instanceId: string, session: StorySession): Promise<Address[]> => {
  const privacy = await session.storyPrivacy()
  if (privacy.shownTo === 'only') return privacy.people.slice(0, LARGEST)
  const people = reader
    .selectFrom('contacts')
    .select('jid')
    .where('instance_id', '=', instanceId)
    .where((row) => row.or([row('jid', 'like', '%@s.whatsapp.net'), row('jid', 'like', '%@lid')]))
    .limit(LARGEST)
  const saved = await people.where('saved_name', 'is not', null).execute()
  const known = saved.length > 0 ? saved : await people.execute()
  return without(
    known.map(({ jid }) => (isLid(jid) ? { jid: null, lid: jid } : { jid, lid: null })),
    privacy,
  )
}

const without = (people: Address[], { people: excepted }: StoryPrivacy): Address[] => {
  const hidden = new Set(excepted.flatMap(({ jid, lid }) => [jid, lid]))
  return people.filter((person) => !hidden.has(canonical(person)))
}
