/** Who is in a group, for sending: asked for once, kept right by news, bounded. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../../../engine.ts'
import type { Group, GroupChange } from '../../../groups.ts'
import { GroupLists, type SendingList, weightOfList } from '../group-lists.ts'
import { WeightedCache } from '../weighted-cache.ts'

const self: Address = { jid: '551@s.whatsapp.net', lid: '901@lid' }
const ana: Address = { jid: '552@s.whatsapp.net', lid: '902@lid' }
const bea: Address = { jid: '553@s.whatsapp.net', lid: '903@lid' }

const groupOf = (jid: string, people: readonly Address[], more: Partial<Group> = {}): Group => ({
  jid,
  addressing: 'lid',
  name: 'Group',
  nameSet: { by: null, at: null },
  description: null,
  creator: null,
  createdAt: null,
  members: people.map((address) => ({ address, role: 'member' })),
  memberCount: people.length,
  settings: { membersCanEditInfo: true, membersCanSendMessages: true, membersCanAddOthers: true, requireAdminApproval: false },
  ephemeral: 0,
  community: null,
  isCommunity: false,
  isAnnouncementGroup: false,
  isIncognito: false,
  isSuspended: false,
  ...more,
})

describe('lists of groups', () => {
  let asked = 0
  let answer: Promise<Group> = Promise.resolve(groupOf('1@g.us', []))
  let shared = new WeightedCache(100, weightOfList)
  let lists = new GroupLists({ lists: shared, prefix: 'a', read: () => answer, self: () => self })

  beforeEach(() => {
    asked = 0
    answer = Promise.resolve(groupOf('1@g.us', [self, ana]))
    shared = new WeightedCache(100, weightOfList)
    lists = new GroupLists({
      lists: shared,
      prefix: 'a',
      read: () => {
        asked += 1
        return answer
      },
      self: () => self,
    })
  })

  const news = (...changes: GroupChange[]) =>
    lists.changed({ group: '1@g.us', actor: null, actorName: null, timestamp: 0, name: null, isAnnouncementGroup: false, changes })
  const people = async () => (await lists.get('1@g.us')).participants.map(({ id }) => id)

  it('are asked for once, however many want one at once', async () => {
    await Promise.all([people(), people(), people()])
    await people()
    expect(asked).toBe(1)
  })

  it('follow who comes and goes', async () => {
    await people()
    news({ type: 'joined', people: [bea, ana], how: 'added' })
    expect(await people()).toEqual(['901@lid', '902@lid', '903@lid'])
    news({ type: 'left', people: [{ jid: ana.jid, lid: null }, bea], how: 'removed' }, { type: 'promoted', people: [self] })
    expect(await people()).toEqual(['901@lid', '902@lid'])
    news({ type: 'left', people: [ana], how: 'left' })
    expect(await people()).toEqual(['901@lid'])
    expect(asked).toBe(1)
  })

  it('name members by number in groups made before LIDs', async () => {
    answer = Promise.resolve(groupOf('1@g.us', [self, ana], { addressing: 'number', ephemeral: 60 }))
    expect(await lists.get('1@g.us')).toMatchObject({ addressingMode: 'pn', ephemeralDuration: 60 })
    news({ type: 'joined', people: [bea], how: 'invite' }, { type: 'ephemeral', seconds: 0 })
    expect(await lists.get('1@g.us')).toEqual({
      id: '1@g.us',
      addressingMode: 'pn',
      participants: [{ id: '551@s.whatsapp.net' }, { id: '552@s.whatsapp.net' }, { id: '553@s.whatsapp.net' }],
    })
  })

  it.each([
    ['we are taken out', { type: 'left', people: [self], how: 'removed' }],
    ['we come in anew', { type: 'joined', people: [self], how: 'created' }],
    ['the group ends', { type: 'deleted', reason: null }],
  ] satisfies [string, GroupChange][])('are asked for again when %s', async (_, change) => {
    await people()
    news(change)
    await people()
    expect(asked).toBe(2)
  })

  it('an answer that a change overtook is not remembered', async () => {
    const late = Promise.withResolvers<Group>()
    answer = late.promise
    const first = people()
    news({ type: 'joined', people: [bea], how: 'added' })
    late.resolve(groupOf('1@g.us', [self, ana]))
    expect(await first).toEqual(['901@lid', '902@lid'])
    answer = Promise.resolve(groupOf('1@g.us', [self, ana, bea]))
    expect(await people()).toEqual(['901@lid', '902@lid', '903@lid'])
  })

  it('a question that failed is asked again', async () => {
    answer = Promise.reject(new Error('no'))
    await expect(people()).rejects.toThrow('no')
    answer = Promise.resolve(groupOf('1@g.us', [ana]))
    expect(await people()).toEqual(['902@lid'])
  })

  it('hold no more people than they may: what was used longest ago goes', () => {
    const small = new WeightedCache<SendingList>(20, weightOfList)
    const list = (count: number) => ({
      id: '',
      addressingMode: undefined,
      participants: Array.from({ length: count }, (_, i) => ({ id: `${i}` })),
    })
    small.set('a', list(6))
    small.set('b', list(6))
    expect(small.get('a')).toBeDefined()
    small.set('c', list(1))
    expect([small.get('a'), small.get('b'), small.get('c')].map((found) => found?.participants.length)).toEqual([6, undefined, 1])
    small.set('d', list(1_000))
    expect(small.weight).toBeLessThanOrEqual(20)
  })
})
