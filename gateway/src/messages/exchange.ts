/** The `data` of the events about messages, in the live shape (core.md §7.2 B, §7.3, with decisions.md §3). */
import { rfc3339 } from '../runtime/clock.ts'
import type { IncomingCall, ReceiptStatus } from '../whatsapp/engine.ts'
import { isGroupJid, isNewsletterJid, parseJid, STATUS_BROADCAST } from '../whatsapp/jid.ts'
import type { WireMessage } from '../whatsapp/wire.ts'
import { canonical, readContext } from './context.ts'
import type { Reading } from './kinds/kind.ts'

export interface Person {
  jid: string | null
  lid: string | null
  name: string | null
  /** It is no person but the announcement group of a community. */
  isCommunity?: true
}

export type ChatType = 'private' | 'group' | 'newsletter' | 'status'

export const chatTypeOf = (chat: string): ChatType => {
  if (isGroupJid(chat)) return 'group'
  if (isNewsletterJid(chat)) return 'newsletter'
  return chat === STATUS_BROADCAST ? 'status' : 'private'
}

export interface Exchange {
  id: string
  fromMe: boolean
  /** Milliseconds. */
  timestamp: number
  chat: Person
  sender: Person
  message: WireMessage
  reading: Reading
  /** `message.media`; null without. */
  media: Record<string, unknown> | null
  /** Who sent it through the API; `""` otherwise. */
  source: string
}

/** `message.exchange`. Every field is always there, null when it does not apply, so that receivers need no guards. */
export const exchangeData = ({
  id,
  fromMe,
  timestamp,
  chat,
  sender,
  message,
  reading,
  media,
  source,
}: Exchange): Record<string, unknown> => {
  const { context, isForwarded } = readContext(message)
  return {
    id,
    direction: fromMe ? 'outgoing' : 'incoming',
    timestamp: rfc3339(timestamp),
    chat: { ...chat, type: chatTypeOf(canonical(chat)) },
    sender,
    recipient: fromMe ? { jid: chat.jid, lid: chat.lid, name: chat.name } : null,
    message: {
      type: reading.type,
      content: reading.content,
      source,
      isForwarded,
      isEdit: reading.type === 'message_edit',
      edit: reading.changes === null ? null : { original_id: reading.changes, text: reading.content },
      context,
      media,
      location: null,
      contact: null,
      reaction: null,
      poll: null,
      event: null,
      interactive: null,
      ...reading.details,
    },
  }
}

export interface StatusChange {
  ids: readonly string[]
  status: ReceiptStatus
  timestamp: number
  chat: Person
  /** Who says so. */
  sender: Person
  /** Whose messages they are. */
  author: string | null
  /** It was one of our own devices that says so. */
  fromMe: boolean
}

/** `message.status`. */
export const statusData = ({ ids, status, timestamp, chat, sender, author, fromMe }: StatusChange): Record<string, unknown> => ({
  messageIds: ids,
  status,
  timestamp: rfc3339(timestamp),
  chat: { jid: chat.jid, lid: chat.lid, type: chatTypeOf(canonical(chat)), ...(chat.isCommunity ? { isCommunity: true } : {}) },
  recipient: recipientOf(chat),
  sender: { jid: sender.jid ?? sender.lid },
  messageSender: author,
  isFromMe: fromMe,
})

/** `call.update`. */
export const callData = (call: IncomingCall, from: Person): Record<string, unknown> => ({
  callId: call.id,
  type: call.status,
  timestamp: rfc3339(call.timestamp),
  from,
  isVideo: call.isVideo,
  isGroup: call.isGroup,
  groupJid: call.groupJid,
})

// Clients read bare digits here for a person.
const recipientOf = (chat: Person): string => {
  const text = canonical(chat)
  const jid = parseJid(text)
  return jid?.server === 's.whatsapp.net' ? jid.user : text
}
