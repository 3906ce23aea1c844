/**
 * Who is who: a user has a phone-number address and a LID, learnt from stanza attributes and usync answers. Sessions live under the
 * LID where it is known (engine.md §7), conversations are shown under the phone number where it is known.
 */
import { formatJid, type Jid, parseJid } from '../jid.ts'
import { BoundedMap } from './bounded.ts'

const PN_SERVER = 's.whatsapp.net'
const LID_SERVER = 'lid'
const CONTACTS = 20_000

/** The numbers Signal addresses carry for servers other than the phone-number one. */
const DOMAIN: Record<string, number> = { [LID_SERVER]: 1, hosted: 128, 'hosted.lid': 129 }

export class AddressBook {
  private readonly lids = new BoundedMap<string, string>(CONTACTS)
  private readonly numbers = new BoundedMap<string, string>(CONTACTS)
  private readonly onLearnt: (numberUser: string, lidUser: string) => void

  constructor(onLearnt: (numberUser: string, lidUser: string) => void = () => undefined) {
    this.onLearnt = onLearnt
  }

  /** Takes two addresses of one user, in either order; ignores anything else. */
  learn(one: string | undefined, other: string | undefined): void {
    const a = parseJid(one)
    const b = parseJid(other)
    if (!a || !b || a.server === b.server) return
    const number = [a, b].find((jid) => jid.server === PN_SERVER)?.user
    const lid = [a, b].find((jid) => jid.server === LID_SERVER)?.user
    if (!number || !lid || this.lids.get(number) === lid) return
    this.lids.set(number, lid)
    this.numbers.set(lid, number)
    this.onLearnt(number, lid)
  }

  /** The same device under its LID, unchanged where the LID is unknown. */
  toLid(jid: string): string {
    const parsed = parseJid(jid)
    const lid = parsed?.server === PN_SERVER ? this.lids.get(parsed.user) : undefined
    return parsed && lid ? formatJid(lid, LID_SERVER, parsed.device) : jid
  }

  /** The same device under its phone number, unchanged where the number is unknown. */
  toNumber(jid: string): string {
    const parsed = parseJid(jid)
    const number = parsed?.server === LID_SERVER ? this.numbers.get(parsed.user) : undefined
    return parsed && number ? formatJid(number, PN_SERVER, parsed.device) : jid
  }

  /** The name of a conversation or person: without device, by phone number where it is known. */
  person(jid: string): string {
    return this.toNumber(userJid(jid))
  }

  pairs(): { pnJid: string; lidJid: string }[] {
    return [...this.lids].map(([number, lid]) => ({ pnJid: formatJid(number, PN_SERVER), lidJid: formatJid(lid, LID_SERVER) }))
  }

  signalAddress(jid: string): SignalAddress {
    return signalAddress(this.toLid(jid))
  }
}

export interface SignalAddress {
  name: string
  device: number
}

/** `user` or `user_<domain>` plus device; the form other clients use, so that sender-key names agree. */
export function signalAddress(jid: string): SignalAddress {
  const { user, server, device } = mustParse(jid)
  const domain = DOMAIN[server]
  return { name: domain === undefined ? user : `${user}_${domain}`, device: device ?? 0 }
}

/** The address without its device part. */
export function userJid(jid: string): string {
  const { user, server } = mustParse(jid)
  return formatJid(user, server)
}

export function sameUser(a: string | undefined, b: string | undefined): boolean {
  const one = parseJid(a)
  const other = parseJid(b)
  return one !== undefined && one.user === other?.user && one.server === other.server
}

export function mustParse(jid: string): Jid {
  const parsed = parseJid(jid)
  if (!parsed) throw new Error(`not an address: ${jid}`)
  return parsed
}
