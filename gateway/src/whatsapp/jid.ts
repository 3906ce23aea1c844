/** Names on WhatsApp. A JID text is taken apart here and nowhere else. */

export type JidServer = 's.whatsapp.net' | 'lid' | 'g.us' | 'newsletter' | 'broadcast'

export interface Jid {
  user: string
  server: JidServer
  /** Linked-device number; null when the text had none. */
  device: number | null
}

const pattern = /^([0-9A-Za-z._-]+)(?::(\d{1,5}))?@(s\.whatsapp\.net|c\.us|lid|g\.us|newsletter|broadcast)$/

/** `user[:device]@server`; `c.us` is the older spelling of `s.whatsapp.net`. Null when the text is no JID. */
export const parseJid = (text: string): Jid | null => {
  const match = pattern.exec(text)
  if (match === null) return null
  const [, user, device, server] = match
  if (user === undefined || server === undefined) return null
  return {
    user,
    server: server === 'c.us' ? 's.whatsapp.net' : (server as JidServer),
    device: device === undefined ? null : Number(device),
  }
}

/** Without the device part, the form in every event and answer. Null when the text is no JID. */
export const bareJid = (text: string): string | null => {
  const jid = parseJid(text)
  return jid === null ? null : `${jid.user}@${jid.server}`
}

export const isGroupJid = (text: string): boolean => text.endsWith('@g.us')
export const isLid = (text: string): boolean => text.endsWith('@lid')
export const isUserJid = (text: string): boolean => text.endsWith('@s.whatsapp.net')
export const isNewsletterJid = (text: string): boolean => text.endsWith('@newsletter')
export const STATUS_BROADCAST = 'status@broadcast'

export const isBroadcastList = (text: string): boolean => text.endsWith('@broadcast') && text !== STATUS_BROADCAST

export const numberJid = (digits: string): string => `${digits}@s.whatsapp.net`
export const lidJid = (digits: string): string => `${digits}@lid`
