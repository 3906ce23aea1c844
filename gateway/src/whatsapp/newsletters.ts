/** Channels: what one is, and what can be done with it. */

export interface Newsletter {
  /** `<id>@newsletter` */
  jid: string
  state: 'active' | 'suspended' | 'geosuspended'
  name: string
  description: string
  /** Code of its link; null for those who may not hand it out. */
  invite: string | null
  subscribers: number
  /** Address of the picture, valid for a while; null without one. */
  pictureUrl: string | null
}

/** How many people now react with an emoji to a post in a channel of ours; who they are, WhatsApp tells nobody. */
export interface ChannelReaction {
  /** Of this change. */
  id: string
  channel: string
  /** Id of the post. */
  post: string
  emoji: string
  /** 0: nobody any more. */
  count: number
  /** Milliseconds. */
  timestamp: number
}

/** All of them throw {@link EngineError}; `serverCode` 404: no such channel, or not for us. */
export interface NewsletterSession {
  newsletters: {
    /** Agrees to WhatsApp's terms for creators when it asks for that. `picture`: JPEG. */
    create(wanted: { name: string; description: string; picture: Uint8Array | null }): Promise<Newsletter>
    /** Those the account follows or runs. */
    list(): Promise<Newsletter[]>
    find(by: { jid: string } | { invite: string }): Promise<Newsletter>
    follow(jid: string): Promise<void>
    unfollow(jid: string): Promise<void>
  }
}
