/**
 * Signal addresses as WhatsApp clients write them: `user[_domain].device`, domain 1 = LID, 128 = hosted, 129 = hosted LID
 * (Baileys `WAJIDDomains`). A session belongs to the LID once it is known; the number's address is only its older name.
 */
import { jidDecode, WAJIDDomains } from 'baileys'

export interface SignalAddress {
  /** `user[_domain]` */
  name: string
  device: number
  /** `name.device`: the record id and the lock. */
  id: string
  user: string
  domain: number
}

/** Throws when the text is no JID of a user's device. */
export const addressOf = (jid: string): SignalAddress => {
  const decoded = jidDecode(jid)
  if (decoded === undefined || decoded.user === '') throw new Error(`not the JID of a device: ${jid}`)
  const { user, server } = decoded
  const device = decoded.device ?? 0
  const domain: number = decoded.domainType ?? 0
  // 99 is the device of a hosted account; on another server such a JID is forged or broken.
  if (device === 99 && server !== 'hosted' && server !== 'hosted.lid') throw new Error(`device 99 on ${server}`)
  return makeAddress(user, domain, device)
}

export const makeAddress = (user: string, domain: number, device: number): SignalAddress => {
  const name = domain === WAJIDDomains.WHATSAPP ? user : `${user}_${domain}`
  return { name, device, id: `${name}.${device}`, user, domain }
}

/** From `name.device`, the form Baileys hands back. Null when it is none. */
export const parseAddress = (id: string): SignalAddress | null => {
  const match = /^([^._]+)(?:_(\d+))?\.(\d+)$/.exec(id)
  if (match === null) return null
  const [, user = '', domain = '0', device = '0'] = match
  return makeAddress(user, Number(domain), Number(device))
}

export const belongsToLid = (address: SignalAddress): boolean =>
  address.domain === WAJIDDomains.LID || address.domain === WAJIDDomains.HOSTED_LID

/** The LID's address of the same device. */
export const underLid = (address: SignalAddress, lidUser: string): SignalAddress =>
  makeAddress(lidUser, address.domain === WAJIDDomains.HOSTED ? WAJIDDomains.HOSTED_LID : WAJIDDomains.LID, address.device)

/** The number's address of the same device. */
export const underNumber = (address: SignalAddress, number: string): SignalAddress =>
  makeAddress(number, address.domain === WAJIDDomains.HOSTED_LID ? WAJIDDomains.HOSTED : WAJIDDomains.WHATSAPP, address.device)
