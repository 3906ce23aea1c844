/** Reading what stands in the path. */
import { z } from 'zod'
import type { Person, Phones } from '../phones.ts'
import { ControlError } from './control-error.ts'

const withNumber = z.object({ number: z.string() })

/** The person of `/phones/:number/…`. Throws a 404. */
export function personOf(phones: Phones, params: unknown): Person {
  const { number } = withNumber.parse(params)
  const person = phones.byNumber(number)
  if (person === undefined) throw new ControlError(404, `there is no phone ${number}`)
  return person
}

/** A receiver or chat: a JID, or bare digits for a number. */
export const address = z
  .string()
  .min(1)
  .transform((text) => (text.includes('@') ? text : `${text.replace(/\D/g, '')}@s.whatsapp.net`))
