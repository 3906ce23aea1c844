/** Posts go from those who run a newsletter to everybody who follows it, in plain text; reactions and views come back as numbers. */
import type { Device } from '../accounts/account.ts'
import { type Clock, unixSeconds } from '../clock.ts'
import type { Newsletter, Post } from '../newsletters/newsletter.ts'
import type { NewsletterStore } from '../newsletters/newsletter-store.ts'
import { countNodes } from '../newsletters/newsletter-views.ts'
import { type BinaryNode, bytesOf, childOf, childrenNamed, node } from '../wire/nodes.ts'
import type { Notifier } from './notifier.ts'
import type { Verdict } from './stanza-copy.ts'

/** Taken back by its author or another admin. */
const REVOKED = new Set(['7', '8'])

export class NewsletterRouter {
  readonly #newsletters: NewsletterStore
  readonly #notifier: Notifier
  readonly #clock: Clock

  constructor(newsletters: NewsletterStore, notifier: Notifier, clock: Clock) {
    this.#newsletters = newsletters
    this.#notifier = notifier
    this.#clock = clock
  }

  deliver(sender: Device, message: BinaryNode, t: string): Verdict {
    const newsletter = this.#newsletters.find(message.attrs.to)
    if (newsletter === undefined) return { error: '404' }
    if (message.attrs.type === 'reaction') return this.#react(sender, newsletter, message)
    if (!newsletter.isAdmin(sender.account) || newsletter.state !== 'ACTIVE') return { error: '403' }
    const { id = '', type = 'text', edit } = message.attrs
    const original = edit === undefined ? undefined : [...newsletter.posts.values()].find((post) => post.id === id)
    const plaintext = childOf(message, 'plaintext')
    if (original !== undefined) original.plaintext = REVOKED.has(edit ?? '') ? undefined : bytesOf(plaintext)
    const mediaType = plaintext?.attrs.mediatype
    const post = original ?? newsletter.keep({ id, type, mediaType, plaintext: bytesOf(plaintext), author: sender.account, at: Number(t) })
    this.#spread(sender, newsletter, post, message, t)
    return { server_id: String(post.serverId) }
  }

  /** A `view` receipt names what was on the screen. */
  view(device: Device, receipt: BinaryNode): void {
    const newsletter = this.#newsletters.find(receipt.attrs.to)
    if (newsletter === undefined || receipt.attrs.type !== 'view') return
    for (const { attrs } of childrenNamed(childOf(receipt, 'list'), 'item')) {
      const post = newsletter.posts.get(Number(attrs.server_id))
      if (post === undefined || post.viewers.has(device.account)) continue
      post.viewers.add(device.account)
      this.#count(newsletter, post)
    }
  }

  /** One reaction per person; an empty one takes it back. */
  #react(sender: Device, newsletter: Newsletter, message: BinaryNode): Verdict {
    const post = newsletter.posts.get(Number(message.attrs.server_id))
    if (post === undefined) return { error: '404' }
    const code = childOf(message, 'reaction')?.attrs.code
    if (code === undefined || code === '') post.reactions.delete(sender.account)
    else post.reactions.set(sender.account, code)
    this.#count(newsletter, post)
    return {}
  }

  #spread(sender: Device, newsletter: Newsletter, post: Post, message: BinaryNode, t: string): void {
    // What stands beside the content counts here too: without it nobody shows buttons.
    const children = Array.isArray(message.content) ? message.content : []
    for (const follower of newsletter.followers.keys()) {
      const own = follower === sender.account
      const attrs = {
        from: newsletter.jid,
        id: post.id,
        server_id: String(post.serverId),
        type: post.type,
        t,
        edit: message.attrs.edit,
        is_sender: own ? 'true' : undefined,
      }
      const copy = node('message', attrs, children)
      for (const device of follower.devices.values()) if (device !== sender) device.mailbox.deliver(copy)
    }
  }

  /** To those who asked for live updates and have not fallen silent since. */
  #count(newsletter: Newsletter, post: Post): void {
    const now = unixSeconds(this.#clock)
    const message = node('message', { server_id: String(post.serverId) }, countNodes(post))
    const update = node('live_updates', {}, [node('messages', { jid: newsletter.jid, t: String(now) }, [message])])
    for (const [device, until] of newsletter.watchers) {
      if (until <= now) newsletter.watchers.delete(device)
      else this.#notifier.send(device, 'newsletter', newsletter.jid, [update])
    }
  }
}
