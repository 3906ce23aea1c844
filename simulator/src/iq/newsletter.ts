/** `newsletter`: older posts, what became of them, and being told of it as it happens. */
import { unixSeconds } from '../clock.ts'
import type { Newsletter, Post } from '../newsletters/newsletter.ts'
import { countNodes, postNode } from '../newsletters/newsletter-views.ts'
import { IqError } from '../ports.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

const LIVE_SECONDS = 300
const PAGE = 100

export const newsletter: IqHandler = {
  xmlns: 'newsletter',
  answer(request) {
    const { type, child, device, services } = request
    const asked = `${type} ${child?.tag}`
    if (child === undefined) throw new NotImplemented(`newsletter ${type}`)
    if (asked === 'get messages') return [posts(request, child)]
    const found = services.newsletters.find(request.stanza.attrs.to)
    if (found === undefined) throw new IqError(404, 'item-not-found')
    if (asked === 'get message_updates') return [updates(found, child)]
    if (asked !== 'set live_updates') throw new NotImplemented(`newsletter ${asked}`)
    found.watchers.set(device, unixSeconds(services.clock) + LIVE_SECONDS)
    return [node('live_updates', { duration: String(LIVE_SECONDS) })]
  },
}

/** The newest `count` before a server id, oldest first. */
function posts({ services }: IqRequest, asked: BinaryNode): BinaryNode {
  const { jid, key, count, before } = asked.attrs
  const found = services.newsletters.find(jid) ?? services.newsletters.byInvite(key ?? '')
  if (found === undefined) throw new IqError(404, 'item-not-found')
  const chosen = [...found.posts.values()].filter(({ serverId }) => before === undefined || serverId < Number(before)).slice(-limit(count))
  return node('messages', { jid: found.jid, t: String(unixSeconds(services.clock)) }, chosen.map(postNode))
}

/** Counts of views and reactions. */
function updates(found: Newsletter, { attrs: { count, since, after } }: BinaryNode): BinaryNode {
  const wanted = ({ at, serverId }: Post) => at >= Number(since ?? 0) && serverId > Number(after ?? 0)
  const chosen = [...found.posts.values()].filter(wanted).slice(0, limit(count))
  const messages = chosen.map((post) => node('message', { server_id: String(post.serverId), t: String(post.at) }, countNodes(post)))
  return node('message_updates', {}, [node('messages', { jid: found.jid }, messages)])
}

function limit(count: string | undefined): number {
  const asked = Number(count ?? PAGE)
  return Number.isInteger(asked) && asked > 0 ? Math.min(asked, PAGE) : PAGE
}
