/**
 * The secret WhatsApp's own clients put into every message that others can react to, comment on or answer: in announcement groups they seal
 * their reactions under it (`kinds/sealed-answer.ts`). It is stored with the message, by which what was sealed is opened.
 */
import { randomness } from '../runtime/randomness.ts'
import { contentOf } from '../whatsapp/envelopes.ts'
import { isNewsletterJid } from '../whatsapp/jid.ts'
import type { WireMessage } from '../whatsapp/wire.ts'

/** They are about another message, and nobody answers them. */
const aboutAnother = [
  'reactionMessage',
  'encReactionMessage',
  'protocolMessage',
  'pinInChatMessage',
  'keepInChatMessage',
  'pollUpdateMessage',
  'encEventResponseMessage',
] as const satisfies readonly (keyof WireMessage)[]

/** The same where it has one, or takes none: posts in channels are for everybody to read. */
export const withSecret = (message: WireMessage, chat: string): WireMessage => {
  if (message.messageContextInfo?.messageSecret?.length || isNewsletterJid(chat)) return message
  const content = contentOf(message)
  if (aboutAnother.some((field) => content[field])) return message
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageSecret: randomness(32) } }
}
