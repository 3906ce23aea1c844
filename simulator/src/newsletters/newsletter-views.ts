/** Newsletters as answers show them: JSON in `w:mex`, nodes in `newsletter`. */
import type { Account } from '../accounts/account.ts'
import type { MediaHost } from '../media/media-host.ts'
import { type BinaryNode, node } from '../wire/nodes.ts'
import type { Newsletter, Post, Text } from './newsletter.ts'

/** `viewer_metadata` only for those who look as somebody; the invite only for those who may hand it out, unless they came by it. */
export function metadata(newsletter: Newsletter, viewer: Account | undefined, media: MediaHost): Record<string, unknown> {
  const { name, description, picture, followers } = newsletter
  const path = picture === undefined ? '' : media.pictureLocation(picture.id).directPath
  const shown = (type: string) => ({ id: picture?.id ?? '', type, direct_path: path })
  const as = viewer && followers.get(viewer)
  return {
    id: newsletter.jid,
    state: { type: newsletter.state },
    thread_metadata: {
      creation_time: String(newsletter.createdAt),
      name: textOf(name),
      description: textOf(description),
      picture: shown('IMAGE'),
      preview: shown('PREVIEW'),
      invite: newsletter.invite,
      handle: null,
      subscribers_count: String(subscribersOf(newsletter)),
      verification: 'UNVERIFIED',
      settings: { reaction_codes: { value: 'ALL', blocked_codes: [], enabled_ts_sec: null } },
    },
    ...(viewer && { viewer_metadata: { mute: as?.muted ? 'ON' : 'OFF', role: newsletter.roleOf(viewer) } }),
  }
}

/** The owner is no subscriber of what is said by the owner. */
export function subscribersOf({ followers }: Newsletter): number {
  return [...followers.values()].filter(({ role }) => role === 'SUBSCRIBER').length
}

/** A post with what became of it. */
export function postNode(post: Post): BinaryNode {
  const content = post.plaintext && node('plaintext', { mediatype: post.mediaType }, Buffer.from(post.plaintext))
  const attrs = { server_id: String(post.serverId), id: post.id, type: post.type, t: String(post.at) }
  return node('message', attrs, [...(content ? [content] : []), ...countNodes(post)])
}

/** Views and reactions, in numbers: who they come from is nobody's business. */
export function countNodes({ reactions, viewers }: Post): BinaryNode[] {
  const counts = new Map<string, number>()
  for (const code of reactions.values()) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [
    node('views_count', { count: String(viewers.size) }),
    node(
      'reactions',
      {},
      [...counts].map(([code, count]) => node('reaction', { code, count: String(count) })),
    ),
  ]
}

const textOf = ({ text, at }: Text) => ({ id: String(at), text, update_time: String(at * 1_000_000) })
