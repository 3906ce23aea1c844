/** The message a send answers to, found among those we have stored. */
import { ApiError } from '../http/errors.ts'
import type { Reader } from '../storage/database.ts'
import { isGroupJid } from '../whatsapp/jid.ts'
import { decodeWireMessage } from '../whatsapp/wire.ts'
import type { Quote } from './context.ts'
import { findMessages } from './message-repository.ts'

export interface FoundQuote {
  quote: Omit<Quote, 'otherChat'>
  /** Chat the quoted message stands in. */
  chat: string
  /** Whom `replyPrivate` answers; null when the original is not from a group, where it means nothing. */
  privateTo: string | null
}

/** One in this chat is preferred, since ids are only unique there. Throws 400 when there is none. */
export const findQuote = async (reader: Reader, instanceId: string, chat: string, messageId: string): Promise<FoundQuote> => {
  const found = await findMessages(reader, instanceId, messageId)
  const original = found.find((message) => message.chat === chat) ?? found[0]
  if (original === undefined) throw new ApiError(400, 'Quoted message not found')
  return {
    quote: { messageId, author: original.sender, message: decodeWireMessage(original.wire) },
    chat: original.chat,
    privateTo: isGroupJid(original.chat) ? original.sender : null,
  }
}
