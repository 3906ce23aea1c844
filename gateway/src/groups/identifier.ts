/** How callers name a group: by JID, by invite code, or by the link that ends in the code. */
import { parseJid } from '../whatsapp/jid.ts'

export type GroupIdentifier = { kind: 'jid'; jid: string } | { kind: 'code'; code: string }

/** Null: no group WhatsApp could know. */
export const parseGroupIdentifier = (text: string): GroupIdentifier | null => {
  const trimmed = text.trim()
  if (trimmed.includes('@')) {
    const jid = parseJid(trimmed)
    return jid?.server === 'g.us' && groupId.test(jid.user) ? { kind: 'jid', jid: `${jid.user}@g.us` } : null
  }
  // What is left when somebody leaves the server out; no invite code is made of digits alone.
  if (/^\d{10,}(-\d+)?$/.test(trimmed)) return { kind: 'jid', jid: `${trimmed}@g.us` }
  const code = parseInviteCode(trimmed)
  return code === null ? null : { kind: 'code', code }
}

/** A code, or a link with one. Null when it is neither; codes are case-sensitive. */
export const parseInviteCode = (text: string): string | null => {
  const trimmed = text.trim()
  const code = link.exec(trimmed)?.[1] ?? trimmed
  return /^[A-Za-z0-9_-]{4,64}$/.test(code) ? code : null
}

export const inviteLink = (code: string): string => `https://chat.whatsapp.com/${code}`

/** Of groups made before 2021 with the creator's number and the time. */
const groupId = /^\d+(-\d+)?$/

/** WhatsApp's own links come with and without `invite/`, and with what its share sheet appends. */
const link = /^(?:https?:\/\/)?(?:www\.)?chat\.whatsapp\.com\/(?:invite\/)?([A-Za-z0-9_-]+)\/?(?:[?#].*)?$/i
