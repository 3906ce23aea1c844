/** The groups this phone has written to: who is in them and how they name each other. Asked of the server once, anew after a change. */
import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from 'baileys'
import type { AddressBook } from './addresses.ts'
import { BoundedMap } from './bounded.ts'

const CACHED_GROUPS = 1_000

export interface KnownGroup {
  addressing: 'pn' | 'lid'
  /** Addresses of the members in the group's own addressing, without devices. */
  people: string[]
}

export class GroupBook {
  private readonly groups = new BoundedMap<string, KnownGroup>(CACHED_GROUPS)
  private readonly query: (iq: BinaryNode) => Promise<BinaryNode>
  private readonly book: AddressBook

  constructor(parts: { query: (iq: BinaryNode) => Promise<BinaryNode>; book: AddressBook }) {
    this.query = parts.query
    this.book = parts.book
  }

  /** Throws IqError: 403 when the phone is not in it, 404 when there is no such group. */
  async find(jid: string): Promise<KnownGroup> {
    const known = this.groups.get(jid)
    if (known) return known
    const answer = await this.query({
      tag: 'iq',
      attrs: { to: jid, type: 'get', xmlns: 'w:g2' },
      content: [{ tag: 'query', attrs: { request: 'interactive' } }],
    })
    const group = getBinaryNodeChild(answer, 'group')
    const members = getBinaryNodeChildren(group, 'participant').map(({ attrs }) => attrs)
    for (const { jid: one, lid, phone_number: number } of members) this.book.learn(one, lid ?? number)
    const found: KnownGroup = {
      addressing: group?.attrs.addressing_mode === 'lid' ? 'lid' : 'pn',
      people: members.flatMap((member) => member.jid ?? []),
    }
    this.groups.set(jid, found)
    return found
  }

  forget(jid: string): void {
    this.groups.delete(jid)
  }
}
