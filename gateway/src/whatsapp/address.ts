/** Who and which message, as everything about WhatsApp names them. */

/**
 * A person or a place under both names WhatsApp may use. `jid` is `<digits>@s.whatsapp.net`, `…@g.us`, `…@newsletter` or
 * `status@broadcast`; `lid` is `<digits>@lid`. At least one is set; neither ever has a device part.
 */
export interface Address {
  jid: string | null
  lid: string | null
}

export interface MessageKey {
  id: string
  chat: Address
  /** The author; needed in groups. */
  sender: Address
  fromMe: boolean
}

/** The one name an address goes by: the JID where it is known, else the LID. */
export const canonicalOf = ({ jid, lid }: Address): string => jid ?? lid ?? ''

/** The other way round, as far as one name goes. */
export const addressOf = (jid: string): Address => (jid.endsWith('@lid') ? { jid: null, lid: jid } : { jid, lid: null })
