/** To whom a message goes: from what a caller wrote to the address WhatsApp knows. */
import { ApiError } from '../http/errors.ts'
import { createBoundedMap, dropPrefix } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Address, EngineSession, IdentityStore } from '../whatsapp/engine.ts'
import { lidJid, numberJid, parseJid, STATUS_BROADCAST } from '../whatsapp/jid.ts'
import { numberCandidates } from './number-candidates.ts'

/** A number still has to be looked up; everything else is an address as it stands. */
export type Recipient = { kind: 'number'; digits: string } | { kind: 'lid'; digits: string } | { kind: 'place'; jid: string }

/** Digits with the usual decoration, or a JID. Null: no recipient WhatsApp could know. */
export const parseRecipient = (text: string): Recipient | null => {
  const trimmed = text.trim()
  if (trimmed.includes('@')) return parseJidRecipient(trimmed)
  if (!/^\+?[\d\s().-]+$/.test(trimmed)) return null
  // 00 is how many dial what + stands for; no country code begins with 0.
  return asNumber(trimmed.replace(/\D/g, '').replace(/^00/, ''))
}

const parseJidRecipient = (text: string): Recipient | null => {
  const jid = parseJid(text)
  if (jid === null) return null
  switch (jid.server) {
    case 's.whatsapp.net':
      return asNumber(jid.user)
    case 'lid':
      return /^\d{1,20}$/.test(jid.user) ? { kind: 'lid', digits: jid.user } : null
    case 'g.us':
      return /^\d+(-\d+)?$/.test(jid.user) ? { kind: 'place', jid: `${jid.user}@g.us` } : null
    case 'newsletter':
      return /^\d+$/.test(jid.user) ? { kind: 'place', jid: `${jid.user}@newsletter` } : null
    case 'broadcast':
      return text === STATUS_BROADCAST ? { kind: 'place', jid: STATUS_BROADCAST } : null
  }
}

// E.164 allows 15 digits; the shortest numbers in use have 7 with their country code.
const asNumber = (digits: string): Recipient | null => (/^[1-9]\d{6,14}$/.test(digits) ? { kind: 'number', digits } : null)

export interface Recipients {
  /** Throws 400 when WhatsApp does not know the number, EngineError when it cannot be asked. */
  resolve(instanceId: string, session: EngineSession, recipient: Recipient): Promise<Address>
  /** The instance is gone. */
  forget(instanceId: string): void
}

interface Collaborators {
  clock: Clock
  identitiesOf(instanceId: string): IdentityStore
}

/** Answers kept over all instances; one is about 200 bytes. */
const REMEMBERED = 50_000
/** People change numbers, so even a yes is asked again some day; a no soon, since somebody may have joined. */
const KNOWN_MS = 24 * 60 * 60 * 1000
const UNKNOWN_MS = 60 * 1000

export const createRecipients = ({ clock, identitiesOf }: Collaborators): Recipients => {
  const known = createBoundedMap<string, { address: Promise<Address | null>; until: number }>(REMEMBERED)

  const lookUp = async (session: EngineSession, digits: string): Promise<Address | null> => {
    const candidates = await numberCandidates(digits)
    const answers = await session.lookUpNumbers(candidates, { toWrite: true })
    return answers.find((answer) => answer.exists)?.address ?? null
  }

  const lookUpOnce = (instanceId: string, session: EngineSession, digits: string): Promise<Address | null> => {
    const key = `${instanceId} ${digits}`
    const remembered = known.get(key)
    if (remembered !== undefined && remembered.until > clock.now()) return remembered.address
    const address = lookUp(session, digits)
    const entry = { address, until: clock.now() + KNOWN_MS }
    known.set(key, entry)
    address.then(
      (found) => {
        if (found === null) entry.until = clock.now() + UNKNOWN_MS
      },
      // Not an answer: the next one asks again.
      () => known.delete(key),
    )
    return address
  }

  return {
    async resolve(instanceId, session, recipient) {
      if (recipient.kind === 'place') return { jid: recipient.jid, lid: null }
      if (recipient.kind === 'lid') {
        const number = (await identitiesOf(instanceId).numbersOf([recipient.digits])).get(recipient.digits)
        return { jid: number === undefined ? null : numberJid(number), lid: lidJid(recipient.digits) }
      }
      const address = await lookUpOnce(instanceId, session, recipient.digits)
      if (address === null) throw new ApiError(400, `Number ${recipient.digits} is not registered on WhatsApp`)
      return address
    },
    forget: (instanceId) => dropPrefix(known, `${instanceId} `),
  }
}
