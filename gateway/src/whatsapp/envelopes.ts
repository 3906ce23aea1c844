/** What WhatsApp wraps around a message: disappearing, view-once, edited ones, parts of something larger. Pure. */
import type { WireMessage } from './wire.ts'

/**
 * The fields of WAProto that hold one more message inside, which says all there is to say. Others of the same form mean something by
 * themselves (e.g. that a story mentions somebody) and are no envelopes.
 */
export const envelopes = [
  'deviceSentMessage',
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'lottieStickerMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupMentionedMessage',
  'botInvokeMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'botForwardedMessage',
  'pollCreationMessageV4',
] as const satisfies readonly (keyof WireMessage)[]

/** WhatsApp nests a handful at most. */
const DEEPEST = 8

export interface Opened {
  message: WireMessage
  /** An envelope said so. */
  viewOnce: boolean
  /** Secrets of polls, albums and the like: they stand inside or on an envelope, and belong to the content. */
  context: WireMessage['messageContextInfo']
}

export const openEnvelopes = (outer: WireMessage): Opened => {
  const opened: Opened = { message: outer, viewOnce: false, context: outer.messageContextInfo }
  for (let depth = 0; depth < DEEPEST; depth++) {
    const envelope = envelopes.find((name) => opened.message[name]?.message)
    const inner = envelope === undefined ? null : opened.message[envelope]?.message
    if (envelope === undefined || !inner) break
    opened.viewOnce ||= envelope.startsWith('viewOnce')
    opened.message = inner
    opened.context = inner.messageContextInfo ?? opened.context
  }
  return opened
}

/** The message inside all envelopes. */
export const contentOf = (message: WireMessage): WireMessage => openEnvelopes(message).message
