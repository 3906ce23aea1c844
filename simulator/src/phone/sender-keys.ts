/**
 * Writing under a sender key, in groups and stories: one ciphertext for all, and for each device that does not have the key yet one more
 * that brings it. When somebody who had the key is gone, a new one is made: what is said from then on is not for them.
 */
import { createHash } from 'node:crypto'
import { type BinaryNode, encodeWAMessage, proto } from 'baileys'
import type { PhoneIdentity } from '../ports.ts'
import { type AddressBook, mustParse, userJid } from './addresses.ts'
import { BoundedMap } from './bounded.ts'
import type { ContactsDirectory } from './contacts-directory.ts'
import type { GroupBook } from './group-book.ts'
import type { Sessions } from './sessions.ts'

export const STATUS_JID = 'status@broadcast'

/** Stories, or a broadcast list. */
export const isBroadcast = (jid: string): boolean => jid.endsWith('@broadcast')

export const isPlace = (jid: string): boolean => jid.endsWith('@g.us') || isBroadcast(jid)

/** Places whose key holders are remembered. */
const PLACES = 1_000

export interface Sealed {
  /** Attributes of the stanza that only messages in such places have. */
  attrs: BinaryNode['attrs']
  content: BinaryNode[]
}

export class SenderKeys {
  private readonly self: PhoneIdentity
  private readonly book: AddressBook
  private readonly sessions: Sessions
  private readonly directory: ContactsDirectory
  private readonly groups: GroupBook
  /** Devices, by LID, that were given the present key of a place. */
  private readonly holders = new BoundedMap<string, Set<string>>(PLACES)

  constructor(parts: {
    self: PhoneIdentity
    book: AddressBook
    sessions: Sessions
    directory: ContactsDirectory
    groups: GroupBook
  }) {
    this.self = parts.self
    this.book = parts.book
    this.sessions = parts.sessions
    this.directory = parts.directory
    this.groups = parts.groups
  }

  /** `audience` are the people a story or a message by a broadcast list is for. Throws what the look-ups throw. */
  async seal(place: string, message: proto.IMessage, enc: BinaryNode['attrs'], audience: readonly string[]): Promise<Sealed> {
    const { people, me, attrs } = await this.membersOf(place, audience)
    const devices = (await this.directory.devicesOf(people)).filter((device) => device !== me)
    const holders = this.present(place, me, devices)
    const { distribution, ciphertext } = await this.sessions.encryptGroup(place, me, pad(message))
    // It goes to whoever is given its key: everybody is, each time.
    const missing = isBroadcast(place) ? devices : devices.filter((device) => !holders.has(this.book.toLid(device)))
    const key = pad({ senderKeyDistributionMessage: distributionOf(place, distribution) })
    const participants: BinaryNode[] = []
    for (const device of await this.directory.withSessions(missing)) {
      const { type, ciphertext: sealedKey } = await this.sessions.encrypt(device, key)
      participants.push({
        tag: 'to',
        attrs: { jid: device },
        content: [{ tag: 'enc', attrs: { v: '2', type, ...enc }, content: sealedKey }],
      })
      holders.add(this.book.toLid(device))
    }
    const content: BinaryNode[] = [{ tag: 'enc', attrs: { v: '2', type: 'skmsg', ...enc }, content: ciphertext }]
    if (participants.length > 0) content.unshift({ tag: 'participants', attrs: {}, content: participants })
    return { attrs: isBroadcast(place) ? attrs : { ...attrs, phash: participantHash([me, ...devices]) }, content }
  }

  /** The present key, to go with a message that is encrypted again for one device. Undefined for a device that is not to have it. */
  async keyFor(place: string, device: string): Promise<proto.Message.ISenderKeyDistributionMessage | undefined> {
    if (!this.holders.get(place)?.has(this.book.toLid(device))) return undefined
    const me = await this.nameIn(place)
    return distributionOf(place, await this.sessions.groupDistribution(place, me))
  }

  private async nameIn(place: string): Promise<string> {
    if (isBroadcast(place)) return this.self.jid
    return (await this.groups.find(place)).addressing === 'lid' ? this.self.lid : this.self.jid
  }

  private async membersOf(
    place: string,
    audience: readonly string[],
  ): Promise<{ people: string[]; me: string; attrs: BinaryNode['attrs'] }> {
    if (isBroadcast(place)) return { people: [...new Set([...audience.map(userJid), this.self.jid])], me: this.self.jid, attrs: {} }
    const { people, addressing } = await this.groups.find(place)
    return { people, me: await this.nameIn(place), attrs: { addressing_mode: addressing } }
  }

  /** Those who have the key; nobody when it has to be a new one. */
  private present(place: string, me: string, devices: readonly string[]): Set<string> {
    const now = new Set(devices.map((device) => this.book.toLid(device)))
    let holders = this.holders.get(place)
    if (holders === undefined || [...holders].some((device) => !now.has(device))) {
      this.sessions.dropGroupKey(place, me)
      holders = new Set()
      this.holders.set(place, holders)
    }
    return holders
  }
}

const pad = (message: proto.IMessage): Uint8Array => encodeWAMessage(proto.Message.fromObject(message))

const distributionOf = (groupId: string, distribution: Uint8Array): proto.Message.ISenderKeyDistributionMessage => ({
  groupId,
  axolotlSenderKeyDistributionMessage: distribution,
})

/** `2:` and the start of a hash over all devices, by which the server notices that a sender does not know them all. */
function participantHash(devices: readonly string[]): string {
  const named = devices.map((jid) => {
    const { user, server, device = 0 } = mustParse(jid)
    return `${user}.0:${device}@${server}`
  })
  return `2:${createHash('sha256').update(named.sort().join('')).digest('base64').slice(0, 8)}`
}
