/**
 * The spellings under which one phone number may be registered. WhatsApp kept the old form of numbers whose countries changed their plan, so
 * only its own look-up knows which is right; this says which to ask for, the most likely first.
 */
import type { CountryCode } from 'libphonenumber-js/min'

/** Digits only, at most four; the number as given comes first. */
export const numberCandidates = async (digits: string): Promise<string[]> => {
  const candidates = [digits, ...variants(digits)]
  const e164 = await withoutTrunkPrefix(digits)
  if (e164 !== null) candidates.push(e164, ...variants(e164))
  return [...new Set(candidates)].slice(0, 4)
}

export const variants = (digits: string): string[] => {
  // Brazil: mobile numbers got a 9 in front; accounts made before it are registered without. Landlines (2–5) never have it.
  const brazil = /^55(\d\d)(9?)([6-9]\d{7})$/.exec(digits)
  if (brazil !== null) return [brazil[2] === '' ? `55${brazil[1]}9${brazil[3]}` : `55${brazil[1]}${brazil[3]}`]
  // Mexico: a 1 after the country code used to mean mobile.
  const mexico = /^52(1?)([2-9]\d{9})$/.exec(digits)
  if (mexico !== null) return [mexico[1] === '' ? `521${mexico[2]}` : `52${mexico[2]}`]
  // Argentina: a 9 after the country code means mobile and is left out by many.
  const argentina = /^54(9?)([1-8]\d{9})$/.exec(digits)
  if (argentina !== null) return [argentina[1] === '' ? `549${argentina[2]}` : `54${argentina[2]}`]
  return []
}

/** `+44 (0)7911…`: people leave the 0 in that is only dialled at home. Loaded on first use, since most numbers never get here. */
const withoutTrunkPrefix = async (digits: string): Promise<string | null> => {
  const { parsePhoneNumberFromString } = await import('libphonenumber-js/min')
  const parsed = parsePhoneNumberFromString(`+${digits}`, undefined as CountryCode | undefined)
  return parsed?.isPossible() ? parsed.number.slice(1) : null
}
