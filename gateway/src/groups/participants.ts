/** The people of a request: from what a caller wrote to addresses WhatsApp knows, all numbers looked up together. */
import { ApiError } from '../http/errors.ts'
import { numberCandidates } from '../messages/number-candidates.ts'
import { parseRecipient } from '../messages/recipient.ts'
import type { Address, EngineSession } from '../whatsapp/engine.ts'
import { lidJid, numberJid } from '../whatsapp/jid.ts'

export interface Participant {
  /** As the caller wrote it. */
  asked: string
  address: Address
  /** False: WhatsApp does not know the number. */
  registered: boolean
}

/** The most WhatsApp takes in one look-up. */
const LOOK_UP = 50

/** Throws 400 for what is no person, EngineError when WhatsApp cannot be asked. In order; whoever is named twice is there once. */
export const findParticipants = async (session: Pick<EngineSession, 'lookUpNumbers'>, texts: readonly string[]): Promise<Participant[]> => {
  const people = texts.map((asked) => {
    const recipient = parseRecipient(asked)
    if (recipient === null || recipient.kind === 'place') throw new ApiError(400, `Invalid participant: ${asked.slice(0, 100)}`)
    return { asked, ...recipient }
  })
  const spellings = new Map<string, string[]>()
  for (const { kind, digits } of people) if (kind === 'number') spellings.set(digits, await numberCandidates(digits))
  const known = await lookUp(session, [...new Set([...spellings.values()].flat())])
  const found = people.map(({ asked, kind, digits }): Participant => {
    if (kind === 'lid') return { asked, address: { jid: null, lid: lidJid(digits) }, registered: true }
    const address = spellings.get(digits)?.flatMap((spelling) => known.get(spelling) ?? [])[0]
    return { asked, address: address ?? { jid: numberJid(digits), lid: null }, registered: address !== undefined }
  })
  return [...new Map(found.map((person) => [person.address.jid ?? person.address.lid, person])).values()]
}

const lookUp = async (session: Pick<EngineSession, 'lookUpNumbers'>, numbers: readonly string[]): Promise<Map<string, Address>> => {
  const known = new Map<string, Address>()
  for (let start = 0; start < numbers.length; start += LOOK_UP) {
    for (const { number, address } of await session.lookUpNumbers(numbers.slice(start, start + LOOK_UP))) {
      if (address !== null) known.set(number, address)
    }
  }
  return known
}
