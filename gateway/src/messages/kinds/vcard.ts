/** vCard 3.0 (RFC 2426) as far as WhatsApp's contact cards go. */

export interface Card {
  name: string
  /** Digits with country code. */
  phone: string
  organization?: string | null
  email?: string | null
  url?: string | null
}

/** `waid` is WhatsApp's own parameter: with it the receiver can write to the contact at once. */
export const writeVcard = ({ name, phone, organization, email, url }: Card): string =>
  [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${escapeText(name)};;;`,
    `FN:${escapeText(name)}`,
    ...(organization ? [`ORG:${escapeText(organization)}`] : []),
    `TEL;type=CELL;type=VOICE;waid=${phone}:+${phone}`,
    ...(email ? [`EMAIL;type=INTERNET:${escapeText(email)}`] : []),
    ...(url ? [`URL:${oneLine(url)}`] : []),
    'END:VCARD',
  ].join('\n')

/** Name and first number. `phone`: digits, those of WhatsApp where the card names them; null without a number. */
export const readVcard = (text: string): { name: string; phone: string | null } => {
  // A line that begins with a space goes on from the one before.
  const lines = text.replace(/\r?\n[ \t]/g, '').split(/\r?\n/)
  const firstValue = (property: RegExp): string => {
    const line = lines.find((one) => property.test(one))
    return line === undefined ? '' : line.slice(line.indexOf(':') + 1).trim()
  }
  const telephone = /^(?:[\w-]+\.)?TEL[;:]/i
  const onWhatsApp = lines.flatMap((line) => (telephone.test(line) ? (/;waid=(\d+)/i.exec(line)?.[1] ?? []) : []))[0]
  const digits = onWhatsApp ?? firstValue(telephone).replace(/\D/g, '')
  return { name: unescapeText(firstValue(/^(?:[\w-]+\.)?FN[;:]/i)), phone: digits || null }
}

const escapeText = (text: string): string => oneLine(text).replace(/[\\,;]/g, '\\$&')

const unescapeText = (text: string): string => text.replace(/\\([\\,;n])/gi, (_, what: string) => (/n/i.test(what) ? ' ' : what))

/** A line break in a value would begin a property of somebody else's choosing. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim()
