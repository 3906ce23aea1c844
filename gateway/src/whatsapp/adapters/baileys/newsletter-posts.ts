/**
 * Posts in channels: in plain text, for everybody to read. Written here because Baileys leaves out what stands beside the content (buttons
 * without it are shown by nobody), does not say what kind of media there is, and posts each edit and revocation anew. Shapes: whatsmeow's
 * `sendNewsletter` and `NewsletterSendReaction`.
 */
import { type BinaryNode, proto } from 'baileys'
import { EngineError, type StanzaNode } from '../../engine.ts'
import { contentOf } from '../../envelopes.ts'
import { encodeWireMessage, type WireMessage } from '../../wire.ts'
import { childOf, childrenNamed, toBinaryNode } from './nodes.ts'

/** Values of the attribute `edit` where only admins write. */
const EDIT = '3'
const REVOKE = '8'

const { Type } = proto.Message.ProtocolMessage

export interface NewsletterPosts {
  /** Throws {@link EngineError}. */
  post(jid: string, message: WireMessage, options: { id: string; nodes: readonly StanzaNode[] }): Promise<void>
}

interface Collaborators {
  sendNode(node: BinaryNode): Promise<void>
  request(node: BinaryNode): Promise<BinaryNode>
  changes: PostChanges
  /** What the media host calls the file at this place; null when it did not say. */
  handleOf(directPath: string): string | null
}

export const createNewsletterPosts = ({ sendNode, request, changes, handleOf }: Collaborators): NewsletterPosts => ({
  async post(jid, message, { id, nodes }) {
    const { reactionMessage } = message
    if (reactionMessage) {
      const serverId = await findServerId(request, jid, reactionMessage.key?.id ?? '')
      return sendNode(reactionStanza(jid, { id, serverId, code: reactionMessage.text ?? '' }))
    }
    const change = changeIn(message)
    if (change !== null) changes.note(change.of, id)
    await sendNode(postStanza(jid, message, { id, nodes, handle: handleOf(directPathIn(message)) }))
  },
})

/**
 * A change goes by the id of the post it is about, and WhatsApp's verdict comes back under that. Whoever sent it knows it by an id of its own.
 */
export class PostChanges {
  readonly #waiting = new Map<string, string[]>()

  note(of: string, id: string): void {
    this.#waiting.set(of, [...(this.#waiting.get(of) ?? []), id])
  }

  /** The message an acknowledgement is about. */
  acknowledged(id: string): string {
    const [first, ...rest] = this.#waiting.get(id) ?? []
    if (rest.length === 0) this.#waiting.delete(id)
    else this.#waiting.set(id, rest)
    return first ?? id
  }
}

/** Pure. */
export const postStanza = (
  jid: string,
  message: WireMessage,
  { id, nodes, handle }: { id: string; nodes: readonly StanzaNode[]; handle: string | null },
): BinaryNode => {
  const change = changeIn(message)
  const shown = change === null ? message : change.content
  const mediaType = mediaTypeOf(contentOf(shown))
  return {
    tag: 'message',
    attrs: {
      to: jid,
      id: change?.of ?? id,
      type: typeOf(contentOf(shown)),
      ...(change === null ? {} : { edit: change.edit }),
      ...(handle === null ? {} : { media_id: handle }),
    },
    content: [
      { tag: 'plaintext', attrs: mediaType === null ? {} : { mediatype: mediaType }, content: encodeWireMessage(shown) },
      ...nodes.map(toBinaryNode),
    ],
  }
}

const reactionStanza = (jid: string, { id, serverId, code }: { id: string; serverId: string; code: string }): BinaryNode => ({
  tag: 'message',
  attrs: { to: jid, id, type: 'reaction', server_id: serverId },
  content: [{ tag: 'reaction', attrs: code === '' ? {} : { code } }],
})

/** As many as WhatsApp shows at once. */
const LOOKED_AT = 100

/** Channels number their posts, and reactions go by that number. */
const findServerId = async (request: Collaborators['request'], jid: string, id: string): Promise<string> => {
  const asked = { tag: 'messages', attrs: { type: 'jid', jid, count: String(LOOKED_AT) } }
  const answer = await request({ tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'newsletter' }, content: [asked] })
  const posts = childrenNamed(childOf(answer, 'messages'), 'message')
  const found = posts.find(({ attrs }) => attrs.id === id || attrs.server_id === id)?.attrs.server_id
  if (found === undefined) throw new EngineError('rejected', `it is not among the ${LOOKED_AT} newest posts of the channel`)
  return found
}

/** `content` is empty for a post that is taken back. */
const changeIn = (message: WireMessage): { of: string; edit: string; content: WireMessage } | null => {
  const { protocolMessage } = contentOf(message)
  const of = protocolMessage?.key?.id
  if (!protocolMessage || !of) return null
  if (protocolMessage.type === Type.MESSAGE_EDIT) return { of, edit: EDIT, content: protocolMessage.editedMessage ?? {} }
  // Protobuf leaves a 0 out.
  return (protocolMessage.type ?? Type.REVOKE) === Type.REVOKE ? { of, edit: REVOKE, content: {} } : null
}

const typeOf = (content: WireMessage): string => {
  if (content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3) return 'poll'
  if (content.eventMessage) return 'event'
  return mediaTypeOf(content) === null ? 'text' : 'media'
}

const mediaTypes = [
  ['imageMessage', 'image'],
  ['ptvMessage', 'ptv'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
  ['contactMessage', 'vcard'],
  ['contactsArrayMessage', 'contact_array'],
] as const satisfies readonly (readonly [keyof WireMessage, string])[]

/** The names are those of Baileys' `getMediaType`, which it keeps to itself. */
const mediaTypeOf = (content: WireMessage): string | null => {
  if (content.videoMessage) return content.videoMessage.gifPlayback ? 'gif' : 'video'
  if (content.audioMessage) return content.audioMessage.ptt ? 'ptt' : 'audio'
  return mediaTypes.find(([field]) => content[field])?.[1] ?? null
}

/** Empty without media. */
const directPathIn = (message: WireMessage): string => {
  const content = contentOf(message)
  const media =
    content.imageMessage ??
    content.videoMessage ??
    content.ptvMessage ??
    content.audioMessage ??
    content.documentMessage ??
    content.stickerMessage
  return media?.directPath ?? ''
}
