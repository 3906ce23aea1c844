/**
 * WhatsApp's own message format. The protobuf is WhatsApp's vocabulary, not the library's: kinds of message are written in it, and
 * every engine speaks it. Baileys happens to ship the generated code, so this file is the only place outside the adapter that names it.
 * Four megabytes of it: they are loaded with the first message and not at the start.
 */
import { createRequire } from 'node:module'
import type { proto } from 'baileys'
import { addLaterFields } from './later-fields.ts'

const require = createRequire(import.meta.url)
let code: typeof proto.Message | null = null

const messageCode = (): typeof proto.Message => {
  code ??= (require('baileys/WAProto/index.js') as { proto: typeof proto }).proto.Message
  return code
}

export type WireMessage = proto.IMessage

/** Protobuf bytes, as stored beside a message and handed back for a retry. */
export const encodeWireMessage = (message: WireMessage): Uint8Array => messageCode().encode(message).finish()

/** Throws when the bytes are no WhatsApp message. */
export const decodeWireMessage = (bytes: Uint8Array): WireMessage => {
  const message: WireMessage = messageCode().decode(bytes)
  addLaterFields(message, bytes, (poll) => messageCode().PollCreationMessage.decode(poll))
  return message
}

/** The decrypted content of a vote; throws when it is none. */
export const decodePollVote = (bytes: Uint8Array): proto.Message.IPollVoteMessage => messageCode().PollVoteMessage.decode(bytes)

/** The decrypted content of an answer to an event; throws when it is none. */
export const decodeEventResponse = (bytes: Uint8Array): proto.Message.IEventResponseMessage =>
  messageCode().EventResponseMessage.decode(bytes)

/** What a sealed reaction encrypts. */
export const encodeReaction = (reaction: proto.Message.IReactionMessage): Uint8Array =>
  messageCode().ReactionMessage.encode(reaction).finish()

/** The decrypted content of a sealed reaction; throws when it is none. */
export const decodeReaction = (bytes: Uint8Array): proto.Message.IReactionMessage => messageCode().ReactionMessage.decode(bytes)
