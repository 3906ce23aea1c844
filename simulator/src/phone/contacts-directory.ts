/**
 * Which devices a person has, and a session with each of them: usync for the list (cached until a `devices` notification says
 * otherwise), the `encrypt` iq for prekey bundles, asked by LID (engine.md §4).
 */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from 'baileys'
import { formatJid } from '../jid.ts'
import { UnknownPersonError } from '../ports.ts'
import { type AddressBook, mustParse, userJid } from './addresses.ts'
import { BoundedMap } from './bounded.ts'
import { bundleOfUser } from './prekey-bundle.ts'
import type { Sessions } from './sessions.ts'

const CACHED_PEOPLE = 5_000

export class ContactsDirectory {
  private readonly devices = new BoundedMap<string, number[]>(CACHED_PEOPLE)
  private readonly query: (iq: BinaryNode) => Promise<BinaryNode>
  private readonly book: AddressBook
  private readonly sessions: Sessions
  private serial = 0

  constructor(parts: { query: (iq: BinaryNode) => Promise<BinaryNode>; book: AddressBook; sessions: Sessions }) {
    this.query = parts.query
    this.book = parts.book
    this.sessions = parts.sessions
  }

  /** Every device of these people, in the addressing they were asked in. Throws {@link UnknownPersonError}. */
  async devicesOf(people: string[]): Promise<string[]> {
    const unknown = people.filter((jid) => !this.devices.has(this.key(jid)))
    if (unknown.length > 0) await this.fetchDevices(unknown)
    return people.flatMap((jid) => {
      const { user, server } = mustParse(jid)
      return (this.devices.get(this.key(jid)) ?? []).map((device) => formatJid(user, server, device))
    })
  }

  forget(jid: string): void {
    this.devices.delete(this.key(jid))
  }

  /** Opens a session with each of these devices that has none; `renew` opens a new one in any case. Gives those that have one now. */
  async withSessions(devices: string[], { renew = false } = {}): Promise<string[]> {
    const missing = devices.filter((jid) => renew || !this.sessions.has(jid))
    if (missing.length > 0) await this.fetchBundles(missing, renew)
    return devices.filter((jid) => this.sessions.has(jid))
  }

  private key(jid: string): string {
    return userJid(this.book.toLid(jid))
  }

  private async fetchDevices(people: string[]): Promise<void> {
    this.serial += 1
    const answer = await this.query({
      tag: 'iq',
      attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'usync' },
      content: [
        {
          tag: 'usync',
          attrs: { context: 'message', mode: 'query', sid: `phone-${this.serial}`, last: 'true', index: '0' },
          content: [
            {
              tag: 'query',
              attrs: {},
              content: [
                { tag: 'devices', attrs: { version: '2' } },
                { tag: 'lid', attrs: {} },
              ],
            },
            { tag: 'list', attrs: {}, content: people.map((jid) => ({ tag: 'user', attrs: { jid: userJid(jid) } })) },
          ],
        },
      ],
    })
    const list = getBinaryNodeChild(getBinaryNodeChild(answer, 'usync'), 'list')
    const found = new Map(getBinaryNodeChildren(list, 'user').map((user) => [user.attrs.jid, user]))
    for (const jid of people) {
      const user = found.get(userJid(jid))
      const devices = user && readDevices(user)
      if (!devices?.length) throw new UnknownPersonError(jid)
      this.book.learn(jid, getBinaryNodeChild(user, 'lid')?.attrs.val)
      this.devices.set(this.key(jid), devices)
    }
  }

  private async fetchBundles(devices: string[], renew: boolean): Promise<void> {
    const asked = new Map(devices.map((jid) => [this.book.toLid(jid), jid]))
    const answer = await this.query({
      tag: 'iq',
      attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'encrypt' },
      content: [
        {
          tag: 'key',
          attrs: {},
          content: [...asked.keys()].map((jid): BinaryNode => ({ tag: 'user', attrs: renew ? { jid, reason: 'identity' } : { jid } })),
        },
      ],
    })
    for (const user of getBinaryNodeChildren(getBinaryNodeChild(answer, 'list'), 'user')) {
      const jid = user.attrs.jid ?? ''
      const bundle = bundleOfUser(user)
      // A device that was unlinked meanwhile has no bundle: it is left out, and its owner's list asked for anew next time.
      if (asked.has(jid) && bundle) await this.sessions.open(jid, bundle)
      else if (asked.has(jid)) this.forget(jid)
    }
  }
}

/** Devices other than the phone count only with a `key-index`, as clients treat them (engine.md §4). */
function readDevices(user: BinaryNode): number[] {
  const list = getBinaryNodeChild(getBinaryNodeChild(user, 'devices'), 'device-list')
  return getBinaryNodeChildren(list, 'device')
    .map(({ attrs }) => ({ id: Number(attrs.id), keyIndex: attrs['key-index'] }))
    .filter(({ id, keyIndex }) => Number.isInteger(id) && (id === 0 || keyIndex !== undefined))
    .map(({ id }) => id)
}
