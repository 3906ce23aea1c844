/**
 * WhatsApp's own message format. The protobuf is WhatsApp's vocabulary, not the library's: kinds of message are written in it, and
 * every engine speaks it. Baileys happens to ship the generated code, so this file is the only place outside the adapter that names it.
 */
import { proto } from 'baileys'

export type WireMessage = proto.IMessage

/** Protobuf bytes, as stored beside a message and handed back for a retry. */
export const encodeWireMessage = (message: WireMessage): Uint8Array => proto.Message.encode(message).finish()

/** Throws when the bytes are no WhatsApp message. */
export const decodeWireMessage = (bytes: Uint8Array): WireMessage => proto.Message.decode(bytes)

/** The decrypted content of a vote; throws when it is none. */
export const decodePollVote = (bytes: Uint8Array): proto.Message.IPollVoteMessage => proto.Message.PollVoteMessage.decode(bytes)

/** The decrypted content of an answer to an event; throws when it is none. */
export const decodeEventResponse = (bytes: Uint8Array): proto.Message.IEventResponseMessage =>
  proto.Message.EventResponseMessage.decode(bytes)

/** What a sealed reaction encrypts. */
export const encodeReaction = (reaction: proto.Message.IReactionMessage): Uint8Array =>
  proto.Message.ReactionMessage.encode(reaction).finish()

/** The decrypted content of a sealed reaction; throws when it is none. */
export const decodeReaction = (bytes: Uint8Array): proto.Message.IReactionMessage => proto.Message.ReactionMessage.decode(bytes)
