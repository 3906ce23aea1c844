/** Which channel a caller means: a JID, a link, or the code of a link. Null: none that could be. Pure. */
export const parseNewsletterIdentifier = (text: string): { jid: string } | { invite: string } | null => {
  const trimmed = text.trim()
  if (/^\d{5,30}@newsletter$/.test(trimmed)) return { jid: trimmed }
  const [, code = trimmed] = /^(?:https?:\/\/)?(?:www\.)?whatsapp\.com\/channel\/([^/?#]+)/i.exec(trimmed) ?? []
  return /^[\w-]{3,64}$/.test(code) ? { invite: code } : null
}
