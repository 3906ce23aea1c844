/** A newsletter (channel): one voice and its followers. Nothing in it is encrypted, so the server keeps the posts itself. */
import type { Account, Device, Picture } from '../accounts/account.ts'

export type NewsletterState = 'ACTIVE' | 'SUSPENDED' | 'GEOSUSPENDED'
export type ViewerRole = 'OWNER' | 'ADMIN' | 'SUBSCRIBER' | 'GUEST'

export interface Follower {
  role: Exclude<ViewerRole, 'GUEST'>
  muted: boolean
  /** Unix seconds. */
  since: number
}

export interface Post {
  /** Counts up from 100, as on the real network. */
  serverId: number
  /** The id its author gave it. */
  id: string
  author: Account
  type: string
  mediaType: string | undefined
  /** An encoded WAProto Message; undefined once it was taken back. */
  plaintext: Uint8Array | undefined
  /** Unix seconds. */
  at: number
  readonly reactions: Map<Account, string>
  readonly viewers: Set<Account>
}

export interface Text {
  text: string
  /** Unix seconds of the last change. */
  at: number
}

export class Newsletter {
  static readonly maxPosts = 2_000
  static readonly maxFollowers = 50_000

  readonly id: string
  readonly createdAt: number
  invite: string
  name: Text
  description: Text
  picture: Picture | undefined
  state: NewsletterState = 'ACTIVE'
  readonly followers = new Map<Account, Follower>()
  /** By server id, oldest first. */
  readonly posts = new Map<number, Post>()
  /** Devices that want to see reactions and views as they happen, and until when (Unix seconds). */
  readonly watchers = new Map<Device, number>()
  #lastServerId = 99

  constructor(input: { id: string; invite: string; name: string; description: string; createdAt: number }) {
    this.id = input.id
    this.createdAt = input.createdAt
    this.invite = input.invite
    this.name = { text: input.name, at: input.createdAt }
    this.description = { text: input.description, at: input.createdAt }
  }

  get jid(): string {
    return `${this.id}@newsletter`
  }

  roleOf(account: Account): ViewerRole {
    return this.followers.get(account)?.role ?? 'GUEST'
  }

  isAdmin(account: Account): boolean {
    const role = this.roleOf(account)
    return role === 'OWNER' || role === 'ADMIN'
  }

  /** Beyond the limit the oldest post is forgotten. */
  keep(post: Omit<Post, 'serverId' | 'reactions' | 'viewers'>): Post {
    this.#lastServerId += 1
    const kept: Post = { ...post, serverId: this.#lastServerId, reactions: new Map(), viewers: new Set() }
    this.posts.set(kept.serverId, kept)
    if (this.posts.size > Newsletter.maxPosts) {
      const [oldest] = this.posts.keys()
      if (oldest !== undefined) this.posts.delete(oldest)
    }
    return kept
  }
}
