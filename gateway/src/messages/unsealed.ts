/**
 * Edits and comments as they would have arrived without a seal: an edit in the form older clients send, a comment as an answer that quotes the
 * message it stands under. Votes, reactions and answers to events stay as they are; their kinds read what was opened.
 */
import { contentOf } from '../whatsapp/envelopes.ts'
import { decodeWireMessage, type WireMessage } from '../whatsapp/wire.ts'
import { MESSAGE_EDIT } from './kinds/edit.ts'
import type { ContextInfo } from './kinds/kind.ts'
import type { OpenedAnswer } from './kinds/sealed-answer.ts'

/** The same message when nothing in it is an edit or a comment that could be opened. */
export const unsealed = (message: WireMessage, opened: OpenedAnswer | undefined): WireMessage => {
  const { secretEncryptedMessage: edit, encCommentMessage: comment } = contentOf(message)
  if (opened === undefined || (!edit && !comment)) return message
  const inside = messageIn(opened.plaintext)
  if (inside === null) return message
  const open = edit
    ? { protocolMessage: { type: MESSAGE_EDIT, key: edit.targetMessageKey, editedMessage: editedIn(inside) } }
    : answering(inside, { stanzaId: comment?.targetMessageKey?.id, participant: comment?.targetMessageKey?.participant }, opened.question)
  return message.messageContextInfo ? { messageContextInfo: message.messageContextInfo, ...open } : open
}

/** What was decrypted is authentic; that it is a message, its sender only says. */
const messageIn = (plaintext: Uint8Array): WireMessage | null => {
  try {
    return decodeWireMessage(plaintext)
  } catch {
    return null
  }
}

/** The new message stands in there by itself, or as in an edit without a seal. Which message it is about, the key of the seal says. */
const editedIn = (inside: WireMessage): WireMessage => contentOf(inside).protocolMessage?.editedMessage ?? inside

const answering = (inside: WireMessage, to: Pick<ContextInfo, 'stanzaId' | 'participant'>, question: WireMessage): WireMessage => {
  const quote = { ...to, quotedMessage: contentOf(question) }
  const { conversation, ...others } = contentOf(inside)
  if (conversation) return { ...others, extendedTextMessage: { text: conversation, contextInfo: quote } }
  return Object.fromEntries(
    Object.entries(others).map(([field, value]) => [field, field.endsWith('Message') && isObject(value) ? quoting(value, quote) : value]),
  )
}

/** What it mentions, it mentions still. */
const quoting = (content: object, quote: ContextInfo): object => {
  const own = 'contextInfo' in content && isObject(content.contextInfo) ? content.contextInfo : {}
  return { ...content, contextInfo: { ...own, ...quote } }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
