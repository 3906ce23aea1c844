import type { BinaryNode } from 'baileys'
import { describe, expect, it } from 'vitest'
import { EngineError } from '../../../engine.ts'
import { MemorySessionStore } from '../../../memory/session-store.ts'
import type { ChannelReaction } from '../../../newsletters.ts'
import { NewsletterReactions } from '../newsletter-reactions.ts'
import { ReactionCounts } from '../reaction-counts.ts'

const channel = '120363000000000301@newsletter'

const message = (number: number, counts: Record<string, number>, id?: string): BinaryNode => ({
  tag: 'message',
  attrs: { server_id: String(number), ...(id === undefined ? {} : { id }) },
  content: [
    {
      tag: 'reactions',
      attrs: {},
      content: Object.entries(counts).map(([code, count]) => ({ tag: 'reaction', attrs: { code, count: String(count) } })),
    },
  ],
})

const within = (tag: string, of: string, messages: BinaryNode[]): BinaryNode => ({
  tag,
  attrs: {},
  content: [{ tag: 'messages', attrs: { jid: of, t: '1700000000' }, content: messages }],
})

const news = (of: string, ...messages: BinaryNode[]): BinaryNode => ({
  tag: 'notification',
  attrs: { id: 'N1', from: of, type: 'newsletter' },
  content: [within('live_updates', of, messages)],
})

/** A session on this store: what it asks and tells. `missed`: what WhatsApp answers to who asks for that. */
const session = (store: MemorySessionStore, missed: BinaryNode[] = [], refused = false) => {
  const asked: string[] = []
  const told: ChannelReaction[] = []
  const failures: unknown[] = []
  const reactions = new NewsletterReactions({
    store,
    request: async ({ attrs, content }) => {
      const tag = Array.isArray(content) ? (content[0]?.tag ?? '') : ''
      asked.push(`${tag} ${attrs.to}`)
      if (refused) throw new EngineError('rejected', 'no such channel', 404)
      const answer = tag === 'live_updates' ? { tag, attrs: { duration: '300' } } : within(tag, attrs.to ?? '', missed)
      return { tag: 'iq', attrs: { id: 'A1' }, content: [answer] }
    },
    report: (reaction) => void told.push(reaction),
    reported: async () => {},
    onFailure: (error) => void failures.push(error),
  })
  return { reactions, asked, told, failures }
}

describe('Reactions in channels', () => {
  it('a session goes on where the one before ended: nothing is told twice, nothing is left out', async () => {
    const store = new MemorySessionStore()
    const first = session(store)
    first.reactions.posted(channel)
    first.reactions.news(news(channel, message(100, { '👍': 1 }, 'POST')))
    await first.reactions.end()
    expect(first.asked).toEqual([`live_updates ${channel}`])
    expect(first.told).toMatchObject([{ channel, post: 'POST', emoji: '👍', count: 1 }])

    const second = session(store, [message(100, { '👍': 1, '❤️': 2 }), message(101, { '👍': 3 }, 'NEXT')])
    second.reactions.opened()
    await expect.poll(() => second.told).toHaveLength(2)
    expect(second.asked).toEqual([`live_updates ${channel}`, `message_updates ${channel}`])
    expect(second.told).toMatchObject([
      { post: 'POST', emoji: '❤️', count: 2 },
      { post: 'NEXT', emoji: '👍', count: 3 },
    ])
    await second.reactions.end()
  })

  it('of twenty channels at most, those posted in last; what is refused is let go of', async () => {
    const store = new MemorySessionStore()
    const first = session(store)
    for (let n = 0; n < 25; n++) first.reactions.posted(`${n}@newsletter`)
    await first.reactions.end()
    const second = session(store, [], true)
    second.reactions.opened()
    await expect.poll(() => second.failures).toHaveLength(20)
    await second.reactions.end()
    expect(second.asked).toEqual(Array.from({ length: 20 }, (_, n) => `live_updates ${n + 5}@newsletter`))
    expect(Buffer.from(store.records.get('channel-watches/all') ?? []).toString()).toBe('[]')
  })

  it('a watch is written down once, however much is posted', async () => {
    const store = new MemorySessionStore()
    const { reactions } = session(store)
    for (let n = 0; n < 100; n++) reactions.posted(channel)
    await reactions.end()
    expect(store.commits).toBe(1)
  })
})

describe('Counts of reactions', () => {
  it('have as many places as a channel is given; who is pushed out is unknown', async () => {
    const store = new MemorySessionStore()
    const counts = new ReactionCounts(store)
    for (let number = 100; number < 300; number++) {
      await counts.note(channel, { number: String(number), id: `P${number}`, counts: new Map([['👍', number]]) })
    }
    const again = new ReactionCounts(store)
    expect(await again.of(channel, '299')).toEqual({ number: '299', id: 'P299', counts: new Map([['👍', 299]]) })
    expect(await again.of(channel, '250')).toMatchObject({ id: 'P250' })
    expect(await again.of(channel, '249')).toBeNull()
    expect(await again.of('other@newsletter', '299')).toBeNull()
    await again.forget(channel)
    expect(await new ReactionCounts(store).of(channel, '299')).toBeNull()
  })
})
