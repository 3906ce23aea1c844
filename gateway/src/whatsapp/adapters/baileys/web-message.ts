/** Messages in the form phones keep them (`WebMessageInfo`): history, and messages the phone sends again. */
import type { proto } from 'baileys'
import type { Address, ReceivedMessage } from '../../engine.ts'
import { addressFrom, isPlace } from './addresses.ts'
import { unwrap } from './envelopes.ts'

/** Null when there is no content or no place for it. */
export const readWebMessage = (stored: proto.IWebMessageInfo, self: Address): ReceivedMessage | null => {
  const { key, message: content } = stored
  if (!key?.id || !key.remoteJid || !content) return null
  const alternatives = key as { remoteJidAlt?: string | null; participantAlt?: string | null }
  const chat = addressFrom(key.remoteJid, isPlace(key.remoteJid) ? null : alternatives.remoteJidAlt)
  if (chat.jid === null && chat.lid === null) return null
  const fromMe = key.fromMe === true
  const author = addressFrom(key.participant ?? stored.participant, alternatives.participantAlt)
  const sender = fromMe ? self : isPlace(key.remoteJid) ? author : chat
  const { message, viewOnce } = unwrap(content)
  return {
    id: key.id,
    chat,
    sender,
    fromMe,
    timestamp: Number(stored.messageTimestamp ?? 0) * 1000,
    pushName: stored.pushName || null,
    message,
    viewOnce,
    offline: true,
  }
}
