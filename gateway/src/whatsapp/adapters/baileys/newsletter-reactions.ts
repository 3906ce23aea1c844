/**
 * What people think of the posts in channels the account writes for. WhatsApp tells it, in numbers, to whoever asks for live updates and asks
 * again before they run out (whatsmeow's `NewsletterSubscribeLiveUpdates`). Asked for after every post, for as long as posts are talked about.
 */
import type { BinaryNode } from 'baileys'
import type { ChannelReaction } from '../../newsletters.ts'
import { childOf, childrenNamed, numberOf, timeOf } from './nodes.ts'

/** Channels of one session; the one posted in longest ago makes room. */
const MOST_WATCHED = 20
/** Posts whose numbers are remembered, per session. */
const MOST_POSTS = 500
const WATCHED_FOR_MS = 24 * 3_600_000
/** Asked for again this long before they run out. */
const AHEAD_MS = 30_000
const SHORTEST_MS = 60_000

interface Collaborators {
  request(node: BinaryNode): Promise<BinaryNode>
  report(reaction: ChannelReaction): void
  onFailure(error: unknown): void
}

interface Post {
  id: string
  /** How many people reacted with what. */
  counts: ReadonlyMap<string, number>
}

export class NewsletterReactions {
  readonly #collaborators: Collaborators
  readonly #watched = new Map<string, { until: number; timer: NodeJS.Timeout | null }>()
  readonly #posts = new Map<string, Post>()
  /** Updates one after the other: the second may be about the same post. */
  #last: Promise<void> = Promise.resolve()
  #ended = false

  constructor(collaborators: Collaborators) {
    this.#collaborators = collaborators
  }

  /** Something was posted in this channel. */
  posted(channel: string): void {
    if (this.#ended) return
    const present = this.#watched.get(channel)
    this.#watched.delete(channel)
    this.#watched.set(channel, { until: Date.now() + WATCHED_FOR_MS, timer: present?.timer ?? null })
    const [oldest] = this.#watched.keys()
    if (this.#watched.size > MOST_WATCHED && oldest !== undefined) this.#forget(oldest)
    if (present === undefined) this.#watch(channel)
  }

  /** A notification of type `newsletter`. */
  news({ attrs, content }: BinaryNode): void {
    const updates = Array.isArray(content) ? content.filter(({ tag }) => tag === 'live_updates') : []
    for (const messages of updates.flatMap((update) => childrenNamed(update, 'messages'))) {
      const channel = messages.attrs.jid ?? attrs.from ?? ''
      if (!this.#watched.has(channel)) continue
      const timestamp = timeOf(messages.attrs.t ?? attrs.t) ?? Date.now()
      for (const message of childrenNamed(messages, 'message')) {
        this.#last = this.#last
          .then(() => this.#update(channel, message, { id: attrs.id ?? '', timestamp }))
          .catch((error: unknown) => this.#collaborators.onFailure(error))
      }
    }
  }

  end(): void {
    this.#ended = true
    for (const channel of [...this.#watched.keys()]) this.#forget(channel)
  }

  #forget(channel: string): void {
    clearTimeout(this.#watched.get(channel)?.timer ?? undefined)
    this.#watched.delete(channel)
  }

  #watch(channel: string): void {
    const watch = this.#watched.get(channel)
    if (watch === undefined || this.#ended) return
    if (watch.until < Date.now()) {
      this.#forget(channel)
      return
    }
    this.#ask(channel).then(
      (duration) => {
        const present = this.#watched.get(channel)
        if (present === undefined) return
        present.timer = setTimeout(() => this.#watch(channel), Math.max(duration - AHEAD_MS, SHORTEST_MS)).unref()
      },
      (error: unknown) => {
        this.#forget(channel)
        this.#collaborators.onFailure(error)
      },
    )
  }

  /** For how long, ms. */
  async #ask(channel: string): Promise<number> {
    const attrs = { to: channel, type: 'set', xmlns: 'newsletter' }
    const answer = await this.#collaborators.request({ tag: 'iq', attrs, content: [{ tag: 'live_updates', attrs: {} }] })
    return (numberOf(childOf(answer, 'live_updates')?.attrs.duration) ?? 0) * 1000
  }

  async #update(channel: string, message: BinaryNode, told: { id: string; timestamp: number }): Promise<void> {
    const reactions = childOf(message, 'reactions')
    const number = message.attrs.server_id
    if (reactions === undefined || number === undefined) return
    const counts = new Map(
      childrenNamed(reactions, 'reaction').flatMap(({ attrs: { code, count } }) => (code ? [[code, numberOf(count) ?? 0] as const] : [])),
    )
    const key = `${channel} ${number}`
    const before = this.#posts.get(key)
    const id = before?.id ?? message.attrs.id ?? (await this.#idOf(channel, number))
    this.#posts.delete(key)
    this.#posts.set(key, { id, counts })
    const [oldest] = this.#posts.keys()
    if (this.#posts.size > MOST_POSTS && oldest !== undefined) this.#posts.delete(oldest)
    for (const emoji of new Set([...counts.keys(), ...(before?.counts.keys() ?? [])])) {
      const count = counts.get(emoji) ?? 0
      if (count === (before?.counts.get(emoji) ?? 0)) continue
      this.#collaborators.report({ id: `${told.id}-${number}-${emoji}`, channel, post: id, emoji, count, timestamp: told.timestamp })
    }
  }

  /** Live updates go by the number a post has in its channel. */
  async #idOf(channel: string, number: string): Promise<string> {
    const asked = { tag: 'messages', attrs: { type: 'jid', jid: channel, count: '1', before: String(Number(number) + 1) } }
    const attrs = { to: 's.whatsapp.net', type: 'get', xmlns: 'newsletter' }
    const answer = await this.#collaborators.request({ tag: 'iq', attrs, content: [asked] })
    const post = childrenNamed(childOf(answer, 'messages'), 'message').find(({ attrs: { server_id } }) => server_id === number)
    return post?.attrs.id ?? number
  }
}
