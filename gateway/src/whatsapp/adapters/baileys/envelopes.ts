/** The message inside its envelopes, and what they say of it. */
import { proto } from 'baileys'
import { openEnvelopes } from '../../envelopes.ts'
import type { WireMessage } from '../../wire.ts'

export const unwrap = (outer: WireMessage): { message: WireMessage; viewOnce: boolean } => {
  const opened = openEnvelopes(outer)
  let { message } = opened
  const media = message.imageMessage ?? message.videoMessage ?? message.audioMessage
  // Older clients say it on the envelope alone, which is thrown away here.
  if (opened.viewOnce && media) media.viewOnce = true
  if (opened.context && !message.messageContextInfo) {
    message = Object.assign(proto.Message.create(message), { messageContextInfo: opened.context })
  }
  return { message, viewOnce: opened.viewOnce || media?.viewOnce === true }
}
