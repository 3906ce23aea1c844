/**
 * What was last told of the reactions to a post in a channel, so that only what has changed is told, also after a restart. A channel has a
 * fixed number of places, which its posts take in turn: what is stored has a bound without anybody counting it.
 */
import { z } from 'zod'
import type { SessionStore } from '../../engine.ts'

const KIND = 'channel-reactions'
const PLACES = 50

export interface CountedPost {
  /** The number it has in its channel. */
  number: string
  /** Of the message. */
  id: string
  /** How many people reacted with what. */
  counts: ReadonlyMap<string, number>
}

const stored = z.object({ number: z.string(), id: z.string(), counts: z.array(z.tuple([z.string(), z.number()])) })

export class ReactionCounts {
  readonly #store: Pick<SessionStore, 'load' | 'commit'>
  readonly #known = new Map<string, CountedPost>()

  constructor(store: Pick<SessionStore, 'load' | 'commit'>) {
    this.#store = store
  }

  /** Null when nothing was told of it, or so long ago that others have taken its place. */
  async of(channel: string, number: string): Promise<CountedPost | null> {
    const place = placeOf(channel, number)
    const post = this.#known.get(place) ?? (await this.#read(place))
    return post?.number === number ? post : null
  }

  async note(channel: string, post: CountedPost): Promise<void> {
    const place = placeOf(channel, post.number)
    this.#known.set(place, post)
    const value = Buffer.from(JSON.stringify({ ...post, counts: [...post.counts] } satisfies z.infer<typeof stored>))
    await this.#store.commit({ put: [{ kind: KIND, id: place, value }], remove: [] })
  }

  async forget(channel: string): Promise<void> {
    const places = Array.from({ length: PLACES }, (_, number) => placeOf(channel, String(number)))
    for (const place of places) this.#known.delete(place)
    await this.#store.commit({ put: [], remove: places.map((id) => ({ kind: KIND, id })) })
  }

  async #read(place: string): Promise<CountedPost | null> {
    const value = (await this.#store.load(KIND, [place])).get(place)
    if (value === undefined) return null
    const { counts, ...post } = stored.parse(JSON.parse(Buffer.from(value).toString()))
    return { ...post, counts: new Map(counts) }
  }
}

const placeOf = (channel: string, number: string): string => `${channel} ${Number(number) % PLACES}`
