/**
 * What people think of the posts in channels the account writes for. WhatsApp tells it, in numbers, to whoever asks for live updates and asks
 * again before they run out (whatsmeow's `NewsletterSubscribeLiveUpdates`). Asked for after every post, for as long as posts are talked about;
 * and again with every connection, which begins with what was missed (`GetNewsletterMessageUpdates`).
 */
import type { BinaryNode } from 'baileys'
import { z } from 'zod'
import { EngineError, type SessionStore } from '../../engine.ts'
import type { ChannelReaction } from '../../newsletters.ts'
import { childOf, childrenNamed, numberOf, timeOf } from './nodes.ts'
import { ReactionCounts } from './reaction-counts.ts'

/** Channels of one session; the one posted in longest ago makes room. */
const MOST_WATCHED = 20
const WATCHED_FOR_MS = 24 * 3_600_000
/** Each post makes the watch longer; it is stored when it has become so much longer. */
const STORED_EVERY_MS = 3_600_000
/** Asked for again this long before they run out. */
const AHEAD_MS = 30_000
const SHORTEST_MS = 60_000
/** Our clock may be ahead of that of WhatsApp, which says when something was posted. */
const CLOCKS_DIFFER_MS = 60_000
/** As many posts as WhatsApp tells about at once. */
const MOST_MISSED = 100

const KIND = 'channel-watches'
const ID = 'all'
const stored = z.array(z.object({ channel: z.string(), since: z.number(), until: z.number() }))

interface Collaborators {
  store: Pick<SessionStore, 'load' | 'commit'>
  request(node: BinaryNode): Promise<BinaryNode>
  report(reaction: ChannelReaction): void
  /** Resolves when what was reported has been taken. */
  reported(): Promise<void>
  onFailure(error: unknown): void
}

interface Watch {
  /** The first post that is watched is not older. */
  readonly since: number
  until: number
  /** As it is stored. */
  storedUntil: number
  timer: NodeJS.Timeout | null
}

export class NewsletterReactions {
  readonly #collaborators: Collaborators
  readonly #watched = new Map<string, Watch>()
  readonly #counts: ReactionCounts
  /** One thing after the other: the second update may be about the same post. */
  #last: Promise<void> = Promise.resolve()
  #ended = false

  constructor(collaborators: Collaborators) {
    this.#collaborators = collaborators
    this.#counts = new ReactionCounts(collaborators.store)
  }

  /** Connected: what was watched before is watched again. */
  opened(): void {
    this.#then(async () => {
      const value = (await this.#collaborators.store.load(KIND, [ID])).get(ID)
      if (value === undefined) return
      for (const { channel, since, until } of stored.parse(JSON.parse(Buffer.from(value).toString()))) {
        if (this.#ended || until < Date.now() || this.#watched.has(channel)) continue
        this.#watched.set(channel, { since, until, storedUntil: until, timer: null })
        this.#watch(channel, { missed: true })
      }
    })
  }

  /** Something was posted in this channel. */
  posted(channel: string): void {
    if (this.#ended) return
    const until = Date.now() + WATCHED_FOR_MS
    const present = this.#watched.get(channel)
    const watch = present ?? { since: Date.now() - CLOCKS_DIFFER_MS, until, storedUntil: 0, timer: null }
    watch.until = until
    this.#watched.delete(channel)
    this.#watched.set(channel, watch)
    const [oldest] = this.#watched.keys()
    if (this.#watched.size > MOST_WATCHED && oldest !== undefined) this.#forget(oldest)
    if (until - watch.storedUntil > STORED_EVERY_MS) this.#store()
    if (present === undefined) this.#watch(channel)
  }

  /** A notification of type `newsletter`. */
  news({ attrs, content }: BinaryNode): void {
    const updates = Array.isArray(content) ? content.filter(({ tag }) => tag === 'live_updates') : []
    for (const update of updates) this.#updates(update, attrs)
  }

  /** Resolves when nothing of it runs any more. */
  async end(): Promise<void> {
    this.#ended = true
    for (const { timer } of this.#watched.values()) clearTimeout(timer ?? undefined)
    this.#watched.clear()
    await this.#last
  }

  #then(work: () => Promise<void>): void {
    this.#last = this.#last.then(work).catch((error: unknown) => this.#collaborators.onFailure(error))
  }

  #forget(channel: string): void {
    clearTimeout(this.#watched.get(channel)?.timer ?? undefined)
    this.#watched.delete(channel)
    this.#store()
    this.#then(() => this.#counts.forget(channel))
  }

  #store(): void {
    const watches = [...this.#watched].map(([channel, { since, until }]) => ({ channel, since, until }))
    for (const watch of this.#watched.values()) watch.storedUntil = watch.until
    const value = Buffer.from(JSON.stringify(watches satisfies z.infer<typeof stored>))
    this.#then(() => this.#collaborators.store.commit({ put: [{ kind: KIND, id: ID, value }], remove: [] }))
  }

  #watch(channel: string, { missed = false } = {}): void {
    const watch = this.#watched.get(channel)
    if (watch === undefined) return
    if (watch.until < Date.now()) {
      this.#forget(channel)
      return
    }
    const again = (afterMs: number, what: { missed: boolean }): void => {
      if (this.#watched.get(channel) !== watch) return
      watch.timer = setTimeout(() => this.#watch(channel, what), Math.max(afterMs, SHORTEST_MS)).unref()
    }
    this.#ask(channel, missed ? watch.since : null).then(
      (duration) => again(duration - AHEAD_MS, { missed: false }),
      (error: unknown) => {
        this.#collaborators.onFailure(error)
        if (error instanceof EngineError && error.code === 'rejected') {
          if (this.#watched.get(channel) === watch) this.#forget(channel)
        } else again(0, { missed })
      },
    )
  }

  /** For how long, ms. With `missed` also for what has become of posts since. */
  async #ask(channel: string, missed: number | null): Promise<number> {
    const ask = (type: 'get' | 'set', child: BinaryNode): Promise<BinaryNode> =>
      this.#collaborators.request({ tag: 'iq', attrs: { to: channel, type, xmlns: 'newsletter' }, content: [child] })
    const answer = await ask('set', { tag: 'live_updates', attrs: {} })
    if (missed !== null) {
      const attrs = { count: String(MOST_MISSED), since: String(Math.floor(missed / 1000)) }
      const told = await ask('get', { tag: 'message_updates', attrs })
      this.#updates(childOf(told, 'message_updates'), { from: channel, id: told.attrs.id ?? '' })
    }
    return (numberOf(childOf(answer, 'live_updates')?.attrs.duration) ?? 0) * 1000
  }

  #updates(update: BinaryNode | undefined, attrs: BinaryNode['attrs']): void {
    for (const messages of childrenNamed(update, 'messages')) {
      const channel = messages.attrs.jid ?? attrs.from ?? ''
      if (!this.#watched.has(channel)) continue
      const timestamp = timeOf(messages.attrs.t ?? attrs.t) ?? Date.now()
      for (const message of childrenNamed(messages, 'message')) {
        this.#then(() => this.#update(channel, message, { id: attrs.id ?? '', timestamp }))
      }
    }
  }

  async #update(channel: string, message: BinaryNode, told: { id: string; timestamp: number }): Promise<void> {
    const reactions = childOf(message, 'reactions')
    const number = message.attrs.server_id
    if (reactions === undefined || number === undefined) return
    const counts = new Map(
      childrenNamed(reactions, 'reaction').flatMap(({ attrs: { code, count } }) => (code ? [[code, numberOf(count) ?? 0] as const] : [])),
    )
    const before = await this.#counts.of(channel, number)
    const changed = [...new Set([...counts.keys(), ...(before?.counts.keys() ?? [])])].filter(
      (emoji) => (counts.get(emoji) ?? 0) !== (before?.counts.get(emoji) ?? 0),
    )
    if (changed.length === 0) return
    const id = before?.id ?? message.attrs.id ?? (await this.#idOf(channel, number))
    for (const emoji of changed) {
      const count = counts.get(emoji) ?? 0
      this.#collaborators.report({ id: `${told.id}-${number}-${emoji}`, channel, post: id, emoji, count, timestamp: told.timestamp })
    }
    // Not before it is recorded: after a crash it is rather told again than never.
    await this.#collaborators.reported()
    await this.#counts.note(channel, { number, id, counts })
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
