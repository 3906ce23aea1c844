/** What a phone adds to a message before it leaves. Pure but for the randomness it is given. */
import { normalizeMessageContent, proto } from 'baileys'
import type { RandomBytes } from './device-keys.ts'

/** `edit` of the stanza: 1 edit, 2 pin, 7 revoke of an own message (engine.md §8.2). */
export function editOf(message: proto.IMessage): string | undefined {
  const content = normalizeMessageContent(message)
  if (content?.pinInChatMessage) return '2'
  if (content?.secretEncryptedMessage || content?.protocolMessage?.type === proto.Message.ProtocolMessage.Type.MESSAGE_EDIT) return '1'
  const revoked = content?.protocolMessage?.key
  if (!revoked || content?.protocolMessage?.type !== proto.Message.ProtocolMessage.Type.REVOKE) return undefined
  return revoked.fromMe === false ? '8' : '7'
}

/** Votes and answers are encrypted under a secret the question carries; a phone puts one into each. */
export function withSecret(message: proto.IMessage, random: RandomBytes): proto.IMessage {
  const asks = message.pollCreationMessage || message.pollCreationMessageV2 || message.pollCreationMessageV3 || message.eventMessage
  if (!asks || message.messageContextInfo?.messageSecret?.length) return message
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageSecret: random(32) } }
}
