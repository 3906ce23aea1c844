/** The groups of one connection: what can be asked about them, who is in those that are sent to, and what they are called. */
import type { BinaryNode, WASocket } from 'baileys'
import type { CommunitySession } from '../../communities.ts'
import type { Address, EngineEvent, SessionOptions, StoreBatch } from '../../engine.ts'
import type { Group, GroupNews, Groups } from '../../groups.ts'
import type { SharedCaches } from './caches.ts'
import { createCommunities } from './communities.ts'
import { createGroupAnswers } from './group-answers.ts'
import { GroupKeys } from './group-keys.ts'
import { GroupLists } from './group-lists.ts'
import { askingAboutGroups } from './group-query.ts'
import { createGroups } from './groups.ts'
import { KeyHolders } from './key-holders.ts'
import type { PlaceNames } from './place-names.ts'

/** What is needed of the connection. */
export interface GroupConnection {
  readonly options: Pick<SessionOptions, 'instanceId' | 'identities' | 'store' | 'logger'>
  readonly self: Address
  request(node: BinaryNode, timeoutMs?: number): Promise<BinaryNode>
  report(event: EngineEvent): void
  learn(pairs: { number: string; lid: string }[]): Promise<void>
  /** Stored before anything made later leaves. */
  commit(batch: StoreBatch): void
  readonly socket: Pick<WASocket, 'user'>
}

export class GroupSide {
  readonly groups: Groups
  readonly communities: CommunitySession['communities']
  readonly lists: GroupLists
  readonly keys: GroupKeys
  readonly holders: KeyHolders
  readonly #names: PlaceNames

  /** `prefix`: what is remembered under it is of this connection alone. */
  constructor(
    connection: GroupConnection,
    caches: Pick<SharedCaches, 'groups' | 'keyHolders' | 'staleKeys' | 'signal'>,
    names: PlaceNames,
    prefix: string,
  ) {
    this.#names = names
    const request: GroupConnection['request'] = (node, timeoutMs) => connection.request(node, timeoutMs)
    const ask = askingAboutGroups(request)
    const answers = createGroupAnswers({
      identities: connection.options.identities,
      learn: (pairs) => connection.learn(pairs),
      onRead: (groups) => {
        names.heard(groups)
        for (const people of maskedAmong(groups)) connection.report({ type: 'masked-numbers', people })
      },
    })
    this.communities = createCommunities(ask, answers)
    this.groups = createGroups({
      ask,
      request,
      answers,
      addressing: async (jid) => ((await this.lists.get(jid)).addressingMode === 'lid' ? 'lid' : 'number'),
      onLeft: (jid) => this.lists.forget(jid),
    })
    this.lists = new GroupLists({ lists: caches.groups, prefix, read: (jid) => this.groups.read(jid), self: () => connection.self })
    this.holders = new KeyHolders(caches.keyHolders, prefix)
    this.keys = new GroupKeys({
      store: connection.options.store,
      commit: (batch) => connection.commit(batch),
      records: caches.signal.view(prefix),
      holders: this.holders,
      stale: caches.staleKeys.view(prefix),
      ownDevices: () => [connection.socket.user?.id, connection.socket.user?.lid].flatMap((jid) => jid ?? []),
    })
  }

  /** To be told before anything is sent to the group again. */
  news(news: GroupNews): void {
    this.lists.changed(news)
    this.keys.news(news)
    // The recorder takes the name from the news itself.
    if (news.name !== null) this.#names.note(news.group, news.name)
  }
}

/** In one transaction of the recorder. */
const MASKED_AT_ONCE = 250

/** People of whose number WhatsApp shows no more than some digits, and who are not known otherwise. */
const maskedAmong = (groups: readonly Group[]): { address: Address; maskedNumber: string }[][] => {
  const people = groups.flatMap(({ members }) =>
    members.flatMap(({ address, maskedNumber }) => (maskedNumber !== undefined && address.jid === null ? [{ address, maskedNumber }] : [])),
  )
  return Array.from({ length: Math.ceil(people.length / MASKED_AT_ONCE) }, (_, part) =>
    people.slice(part * MASKED_AT_ONCE, (part + 1) * MASKED_AT_ONCE),
  )
}
