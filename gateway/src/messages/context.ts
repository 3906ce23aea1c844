/** What any kind of message can carry beside its content: a quoted message, mentions, the mark of forwarding. */
import { contentOf } from '../whatsapp/envelopes.ts'
import { bareJid } from '../whatsapp/jid.ts'
import type { WireMessage } from '../whatsapp/wire.ts'
import type { ContextInfo } from './kinds/kind.ts'
import { readMessage } from './kinds/registry.ts'

/** The event's `message.context`. */
export interface MessageContext {
  /** The quoted message; all null when there are only mentions. */
  messageId: string | null
  /** Its author. */
  participant: string | null
  /** Its text. */
  content: string | null
  mentions: string[]
}

/** Null when the message quotes and mentions nothing. */
export const readContext = (message: WireMessage): { context: MessageContext | null; isForwarded: boolean } => {
  const info = contextInfoOf(message)
  if (info === null) return { context: null, isForwarded: false }
  const isForwarded = info.isForwarded ?? false
  const mentions = (info.mentionedJid ?? []).flatMap((jid) => bareJid(jid) ?? [])
  if (!info.stanzaId && mentions.length === 0) return { context: null, isForwarded }
  return {
    isForwarded,
    context: {
      messageId: info.stanzaId || null,
      participant: info.participant ? bareJid(info.participant) : null,
      content: info.quotedMessage ? readMessage(info.quotedMessage).content : null,
      mentions,
    },
  }
}

export interface Quote {
  messageId: string
  author: string
  /** Chat the quoted message stands in, when it is another one. */
  otherChat: string | null
  message: WireMessage
}

export interface Mentions {
  /** JIDs. */
  people: readonly string[]
  everybody: boolean
}

/** WhatsApp's form of quote and mentions; null when there is nothing to carry. */
export const writeContext = (quote: Quote | null, mentions: Mentions): ContextInfo | null => {
  if (quote === null && mentions.people.length === 0 && !mentions.everybody) return null
  return {
    ...(quote === null
      ? {}
      : {
          stanzaId: quote.messageId,
          participant: quote.author,
          quotedMessage: withoutContext(quote.message),
          ...(quote.otherChat === null ? {} : { remoteJid: quote.otherChat }),
        }),
    ...(mentions.people.length === 0 ? {} : { mentionedJid: [...mentions.people] }),
    ...(mentions.everybody ? { nonJidMentions: 1 } : {}),
  }
}

/** The chat an address stands for in storage. */
export { canonicalOf as canonical } from '../whatsapp/address.ts'

const contextInfoOf = (message: WireMessage): ContextInfo | null => {
  for (const content of Object.values(contentOf(message))) {
    if (content === null || typeof content !== 'object' || !('contextInfo' in content)) continue
    if (content.contextInfo) return content.contextInfo as ContextInfo
  }
  return null
}

/** A quoted message that quotes another would carry that along, and so on. */
const withoutContext = (message: WireMessage): WireMessage => {
  const copy: Record<string, unknown> = {}
  for (const [field, content] of Object.entries(contentOf(message))) {
    if (field === 'messageContextInfo') continue
    copy[field] = content !== null && typeof content === 'object' && 'contextInfo' in content ? { ...content, contextInfo: null } : content
  }
  return copy as WireMessage
}
