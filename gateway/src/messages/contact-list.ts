/** `GET /api/chat/contacts` (chat-profile-calls.md §1): whom the account knows, by the names that came from the phone and with messages. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Database, Reader } from '../storage/database.ts'
import type { IdentityStore } from '../whatsapp/engine.ts'
import { isLid, lidJid, numberJid } from '../whatsapp/jid.ts'
import { numberCandidates } from './number-candidates.ts'
import { parseRecipient, type Recipient } from './recipient.ts'

const contact = z.object({
  jid: z.string(),
  lid: z.string().optional(),
  first_name: z.string(),
  full_name: z.string(),
  push_name: z.string(),
  business_name: z.string(),
  redacted_phone: z.string(),
  found: z.boolean(),
})
type Contact = z.infer<typeof contact>

interface Collaborators {
  db: Database
  identitiesOf(instanceId: string): IdentityStore
}

export const contactsOperation = ({ db, identitiesOf }: Collaborators): Operation =>
  instanceOperation({
    id: 'chat.contacts',
    method: 'GET',
    path: '/api/chat/contacts/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Chat',
    summary: 'List contacts, or find one',
    description: 'From the store; WhatsApp is not asked. A number nobody knows is no error: `found` is `false`.',
    query: z.object({ number: z.string().optional().meta({ example: '34600111222', description: 'Number or JID; then only this one' }) }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        contacts: z.array(contact).optional(),
        total: z.number().int().optional(),
        contact: contact.optional(),
      }),
    },
    errors: [{ status: 400, message: 'Invalid number' }],
    async handle({ scope, query }) {
      const { id } = scope.instance
      const identities = identitiesOf(id)
      if (!query.number?.trim()) {
        const contacts = await withIdentities(identities, await namesOf(db.read, id, null))
        return { status: 200, body: { success: true, message: 'Contacts retrieved successfully', contacts, total: contacts.length } }
      }
      const recipient = parseRecipient(query.number)
      if (recipient === null || recipient.kind === 'place') throw new ApiError(400, 'Invalid number')
      const candidates = await candidatesFor(identities, recipient)
      const [found] = await withIdentities(identities, await namesOf(db.read, id, candidates))
      const nobody = { jid: candidates[0] ?? '', push_name: null, saved_name: null, business_name: null, redacted_phone: null }
      const [unknown] = await withIdentities(identities, [nobody])
      const one = found ?? { ...(unknown ?? nameless(candidates[0] ?? '')), found: false }
      return { status: 200, body: { success: true, message: 'Contact retrieved successfully', contact: one } }
    },
  })

interface Names {
  jid: string
  push_name: string | null
  saved_name: string | null
  business_name: string | null
  redacted_phone: string | null
}

/** People only, groups have names of their own. `among` null: all of them. */
const namesOf = async (reader: Reader, instanceId: string, among: readonly string[] | null): Promise<Names[]> => {
  const people = reader
    .selectFrom('contacts')
    .select(['jid', 'push_name', 'saved_name', 'business_name', 'redacted_phone'])
    .where('instance_id', '=', instanceId)
    .where((row) => row.or([row('jid', 'like', '%@s.whatsapp.net'), row('jid', 'like', '%@lid')]))
    .orderBy('jid')
  return among === null ? people.execute() : people.where('jid', 'in', [...among]).execute()
}

/** Names a contact may be stored under: both forms of a number with an optional digit, the number of a LID that is known. */
const candidatesFor = async (identities: IdentityStore, recipient: Exclude<Recipient, { kind: 'place' }>): Promise<string[]> => {
  if (recipient.kind === 'number') return (await numberCandidates(recipient.digits)).map(numberJid)
  const number = (await identities.numbersOf([recipient.digits])).get(recipient.digits)
  return [...(number === undefined ? [] : [numberJid(number)]), lidJid(recipient.digits)]
}

const withIdentities = async (identities: IdentityStore, names: readonly Names[]): Promise<Contact[]> => {
  const numbers = names.flatMap(({ jid }) => (isLid(jid) ? [] : [userOf(jid)]))
  const lids = numbers.length === 0 ? new Map<string, string>() : await identities.lidsOf(numbers)
  return names.map(({ jid, push_name, saved_name, business_name, redacted_phone }) => {
    const lid = isLid(jid) ? userOf(jid) : lids.get(userOf(jid))
    return {
      ...nameless(jid),
      ...(lid === undefined ? {} : { lid: lidJid(lid) }),
      first_name: saved_name?.trim().split(/\s+/)[0] ?? '',
      full_name: saved_name ?? '',
      push_name: push_name ?? '',
      business_name: business_name ?? '',
      redacted_phone: redacted_phone ?? '',
    }
  })
}

const nameless = (jid: string): Contact => ({
  jid,
  first_name: '',
  full_name: '',
  push_name: '',
  business_name: '',
  redacted_phone: '',
  found: true,
})

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))
