/** What WhatsApp wraps around a message: copies for own devices, disappearing and view-once messages, edits. */
import { proto } from 'baileys'
import type { WireMessage } from '../../wire.ts'

/** Envelopes around a message. Each is one more message inside; WhatsApp nests a handful at most. */
const envelopes = [
  'deviceSentMessage',
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
] as const satisfies readonly (keyof WireMessage)[]

export const unwrap = (outer: WireMessage): { message: WireMessage; viewOnce: boolean } => {
  let message = outer
  let viewOnce = false
  let context = outer.messageContextInfo
  for (let depth = 0; depth < 8; depth++) {
    const envelope = envelopes.find((name) => message[name]?.message)
    const inner = envelope === undefined ? null : message[envelope]?.message
    if (envelope === undefined || !inner) break
    viewOnce ||= envelope.startsWith('viewOnce')
    message = inner
    context = inner.messageContextInfo ?? context
  }
  const marked = message.imageMessage?.viewOnce || message.videoMessage?.viewOnce || message.audioMessage?.viewOnce
  // Outer secrets (poll and reporting keys) belong to the content too.
  if (context && !message.messageContextInfo) message = Object.assign(proto.Message.create(message), { messageContextInfo: context })
  return { message, viewOnce: viewOnce || marked === true }
}
