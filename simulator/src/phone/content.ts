/** What a WAProto Message is about: the names its kind goes by in the log, on the stanza and on the `enc` node. */
import { normalizeMessageContent, type proto } from 'baileys'

/** The protobuf field that carries the content, wrappers such as view-once and ephemeral taken off; undefined when there is none. */
export function contentType(message: proto.IMessage): string | undefined {
  const content = normalizeMessageContent(message) ?? {}
  return Object.keys(content).find((field) => isContentField(field) && present(content, field))
}

/** Text or caption, `""` when there is none. */
export function textOf(message: proto.IMessage): string {
  const content = normalizeMessageContent(message)
  if (!content) return ''
  return (
    content.conversation ||
    content.extendedTextMessage?.text ||
    content.imageMessage?.caption ||
    content.videoMessage?.caption ||
    content.documentMessage?.caption ||
    content.reactionMessage?.text ||
    content.protocolMessage?.editedMessage?.conversation ||
    content.protocolMessage?.editedMessage?.extendedTextMessage?.text ||
    content.protocolMessage?.editedMessage?.eventMessage?.name ||
    ''
  )
}

/** True for what a person typed: neither a caption nor an edit. */
export function isPlainText(message: proto.IMessage): boolean {
  const content = normalizeMessageContent(message)
  return Boolean(content?.conversation || content?.extendedTextMessage?.text)
}

/** `type` of the message stanza. */
export function stanzaType(message: proto.IMessage): string {
  const content = normalizeMessageContent(message)
  if (content?.reactionMessage || content?.encReactionMessage) return 'reaction'
  if (content?.pollCreationMessage || content?.pollCreationMessageV2 || content?.pollCreationMessageV3 || content?.pollUpdateMessage) {
    return 'poll'
  }
  if (content?.eventMessage || content?.encEventResponseMessage) return 'event'
  return mediaType(message) ? 'media' : 'text'
}

/** `mediatype` of the enc node; undefined where clients write none. */
export function mediaType(message: proto.IMessage): string | undefined {
  const content = normalizeMessageContent(message)
  if (!content) return undefined
  if (content.videoMessage?.gifPlayback) return 'gif'
  if (content.audioMessage?.ptt) return 'ptt'
  return MEDIA_TYPES.find(([field]) => content[field])?.[1]
}

const MEDIA_TYPES = [
  ['imageMessage', 'image'],
  ['videoMessage', 'video'],
  ['ptvMessage', 'ptv'],
  ['audioMessage', 'audio'],
  ['documentMessage', 'document'],
  ['stickerMessage', 'sticker'],
  ['contactMessage', 'vcard'],
  ['contactsArrayMessage', 'contact_array'],
  ['liveLocationMessage', 'livelocation'],
  ['listMessage', 'list'],
  ['listResponseMessage', 'list_response'],
  ['buttonsResponseMessage', 'buttons_response'],
  ['orderMessage', 'order'],
  ['productMessage', 'product'],
  ['interactiveResponseMessage', 'native_flow_response'],
  ['groupInviteMessage', 'url'],
] as const satisfies readonly (readonly [keyof proto.IMessage, string])[]

/** Fields that accompany a content and are none. */
const ACCOMPANYING = new Set(['senderKeyDistributionMessage', 'fastRatchetKeySenderKeyDistributionMessage', 'messageContextInfo'])

const isContentField = (field: string): boolean =>
  (field === 'conversation' || field === 'call' || field.includes('Message')) && !ACCOMPANYING.has(field)

const present = (content: proto.IMessage, field: string): boolean => {
  const value: unknown = Reflect.get(content, field)
  return value !== null && value !== undefined && value !== ''
}
