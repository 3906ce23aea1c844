/** From JIDs as they stand in stanzas to addresses of the port, both forms where the stanza has both. */

import type { Address } from '../../engine.ts'
import { isGroupJid, isLid, isNewsletterJid, isUserJid, lidJid, numberJid, parseJid } from '../../jid.ts'
import type { LidMappings } from './signal/lid-mapping.ts'
import type { StanzaAttributes } from './stanzas.ts'

export const NOBODY: Address = { jid: null, lid: null }

/** Takes every form given, device parts off; hosted forms (`@hosted`, `@hosted.lid`) count as the ordinary ones. */
export const addressFrom = (...texts: (string | null | undefined)[]): Address => {
  const address: Address = { jid: null, lid: null }
  for (const text of texts) {
    if (!text) continue
    const jid = parseJid(text.replace(/@hosted\.lid$/, '@lid').replace(/@hosted$/, '@s.whatsapp.net'))
    if (jid === null) continue
    if (jid.server === 'lid') address.lid ??= lidJid(jid.user)
    else address.jid ??= `${jid.user}@${jid.server}`
  }
  return address
}

export const isSame = (one: Address, other: Address): boolean =>
  (one.jid !== null && one.jid === other.jid) || (one.lid !== null && one.lid === other.lid)

/** The JID to write to. Numbers first: that is the form Baileys knows to turn into sessions and devices. */
export const destinationOf = (address: Address): string | null => address.jid ?? address.lid

/** The JID receipts go to: what comes from a person nowadays is addressed by LID. */
export const receiptTargetOf = (address: Address): string | null =>
  address.jid !== null && !isUserJid(address.jid) ? address.jid : (address.lid ?? address.jid)

/** Who sent a stanza: `participant` in groups, else `from`. */
export const senderOf = (attributes: StanzaAttributes): Address =>
  addressFrom(
    attributes.participant ?? attributes.from,
    attributes.participant_pn,
    attributes.participant_lid,
    attributes.sender_pn,
    attributes.sender_lid,
  )

export const isPlace = (text: string): boolean => isGroupJid(text) || isNewsletterJid(text) || text.endsWith('@broadcast')

/** Fills in the missing form from what the instance knows. The same object when nothing is missing. */
export const completed = async (address: Address, mappings: LidMappings): Promise<Address> => {
  const { jid, lid } = address
  if (jid === null && lid !== null && isLid(lid)) {
    const number = await mappings.knownNumber(userOf(lid))
    return number === null ? address : { jid: numberJid(number), lid }
  }
  if (lid === null && jid !== null && isUserJid(jid)) {
    const known = await mappings.knownLid(userOf(jid))
    return known === null ? address : { jid, lid: lidJid(known) }
  }
  return address
}

const userOf = (jid: string): string => jid.slice(0, jid.indexOf('@'))
