/**
 * Who is in which group, for sending: Baileys needs the members' addresses with every message to a group and would ask WhatsApp each time. A list
 * is asked for once per connection and then kept right by the notifications that every change brings; what was missed while away comes with
 * the next connection, which begins with nothing remembered.
 */
import type { GroupMetadata } from 'baileys'
import type { Address } from '../../engine.ts'
import type { Group, GroupNews } from '../../groups.ts'
import type { WeightedCache } from './weighted-cache.ts'

export interface GroupListsOptions {
  lists: WeightedCache<SendingList>
  /** Of this connection; nobody else's lists are under it. */
  prefix: string
  /** Asks WhatsApp. */
  read(jid: string): Promise<Group>
  self(): Address
}

/** What Baileys reads of a group when it sends to it. */
export type SendingList = Pick<GroupMetadata, 'id' | 'addressingMode' | 'ephemeralDuration'> & { participants: { id: string }[] }

export class GroupLists {
  readonly #options: GroupListsOptions
  readonly #asking = new Map<string, Promise<SendingList>>()
  /** Groups that changed while their list was being asked for: the answer may be older than the change. */
  readonly #overtaken = new Set<string>()

  constructor(options: GroupListsOptions) {
    this.#options = options
  }

  /** Throws what `read` throws. */
  get(jid: string): Promise<SendingList> {
    const known = this.#options.lists.get(this.#key(jid))
    if (known !== undefined) return Promise.resolve(known)
    const asked = this.#asking.get(jid) ?? this.#ask(jid)
    this.#asking.set(jid, asked)
    return asked
  }

  /** Nothing is asked for: a group nobody sends to has no list. */
  changed({ group, changes }: GroupNews): void {
    if (this.#asking.has(group)) this.#overtaken.add(group)
    const list = this.#options.lists.get(this.#key(group))
    if (list === undefined) return
    let next: SendingList | null = list
    for (const change of changes) next = next === null ? null : after(next, change, this.#options.self())
    if (next === null) this.#options.lists.delete(this.#key(group))
    else if (next !== list) this.#options.lists.set(this.#key(group), next)
  }

  /** How its members are named by now. */
  addressed(jid: string, mode: 'lid' | 'pn'): void {
    const list = this.#options.lists.get(this.#key(jid))
    if (list !== undefined && list.addressingMode !== mode) this.forget(jid)
  }

  forget(jid: string): void {
    if (this.#asking.has(jid)) this.#overtaken.add(jid)
    this.#options.lists.delete(this.#key(jid))
  }

  async #ask(jid: string): Promise<SendingList> {
    try {
      const list = sendingList(await this.#options.read(jid))
      if (!this.#overtaken.has(jid)) this.#options.lists.set(this.#key(jid), list)
      return list
    } finally {
      this.#asking.delete(jid)
      this.#overtaken.delete(jid)
    }
  }

  #key(jid: string): string {
    return `${this.#options.prefix}|${jid}`
  }
}

const sendingList = ({ jid, addressing, members, ephemeral }: Group): SendingList => ({
  id: jid,
  addressingMode: (addressing === 'lid' ? 'lid' : 'pn') as NonNullable<GroupMetadata['addressingMode']>,
  participants: members.flatMap(({ address }) => {
    const id = nameIn(addressing === 'lid', address)
    return id === null ? [] : [{ id }]
  }),
  ...(ephemeral > 0 ? { ephemeralDuration: ephemeral } : {}),
})

const nameIn = (byLid: boolean, { jid, lid }: Address): string | null => (byLid ? (lid ?? jid) : (jid ?? lid))

/** Null: it has to be asked for again. The same object when nothing that matters has changed. */
const after = (list: SendingList, change: GroupNews['changes'][number], self: Address): SendingList | null => {
  switch (change.type) {
    case 'joined': {
      if (change.how === 'created') return null
      const there = new Set(list.participants.map(({ id }) => id))
      const fresh = change.people
        .map((person) => nameIn(list.addressingMode === 'lid', person))
        .filter((id) => id === null || !there.has(id))
      if (fresh.length === 0) return list
      return { ...list, participants: [...list.participants, ...fresh.flatMap((id) => (id === null ? [] : [{ id }]))] }
    }
    case 'left': {
      const gone = new Set(change.people.flatMap(({ jid, lid }) => [jid, lid]))
      if ((self.jid !== null && gone.has(self.jid)) || (self.lid !== null && gone.has(self.lid))) return null
      return { ...list, participants: list.participants.filter(({ id }) => !gone.has(id)) }
    }
    case 'ephemeral': {
      const { ephemeralDuration: _, ...rest } = list
      return change.seconds === 0 ? rest : { ...rest, ephemeralDuration: change.seconds }
    }
    case 'deleted':
      return null
    default:
      return list
  }
}

/** In people; an empty group takes room too. */
export const weightOfList = ({ participants }: SendingList): number => participants.length + 4
