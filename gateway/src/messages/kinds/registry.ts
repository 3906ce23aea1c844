/** Every kind of message there is. A new kind is a file beside this one and a line here. */
import { contentOf } from '../../whatsapp/envelopes.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { incomingAlbum } from './album.ts'
import { incomingAnswer } from './answers.ts'
import { outgoingButton } from './button.ts'
import { incomingCard } from './cards.ts'
import { outgoingCarousel } from './carousel.ts'
import { incomingContact, outgoingContact } from './contact.ts'
import { incomingEdit } from './edit.ts'
import { incomingEvent, incomingEventAnswer, outgoingEvent } from './event.ts'
import { outgoingForm } from './form.ts'
import { incomingInteractive } from './interactive-reading.ts'
import { type IncomingKind, type OutgoingKind, outgoingKind, type Reading } from './kind.ts'
import { outgoingList } from './list.ts'
import { incomingLocation, outgoingLocation } from './location.ts'
import { incomingMedia, outgoingMedia } from './media.ts'
import { outgoingPix } from './pix.ts'
import { incomingPoll, incomingVote, outgoingPoll } from './poll.ts'
import { incomingReaction, outgoingReaction } from './reaction.ts'
import { incomingRevoke } from './revoke.ts'
import type { OpenedAnswer } from './sealed-answer.ts'
import { outgoingStatus } from './status.ts'
import { outgoingSticker } from './sticker.ts'
import { incomingText, outgoingText } from './text.ts'

const incoming: readonly IncomingKind[] = [
  incomingText,
  incomingInteractive,
  incomingAnswer,
  incomingCard,
  incomingMedia,
  incomingAlbum,
  incomingEdit,
  incomingRevoke,
  incomingLocation,
  incomingContact,
  incomingReaction,
  incomingPoll,
  incomingVote,
  incomingEvent,
  incomingEventAnswer,
]

export const outgoing: readonly OutgoingKind[] = [
  outgoingKind(outgoingText),
  outgoingKind(outgoingMedia),
  outgoingKind(outgoingSticker),
  outgoingKind(outgoingStatus),
  outgoingKind(outgoingLocation),
  outgoingKind(outgoingContact),
  outgoingKind(outgoingReaction),
  outgoingKind(outgoingPoll),
  outgoingKind(outgoingEvent),
  outgoingKind(outgoingButton),
  outgoingKind(outgoingList),
  outgoingKind(outgoingCarousel),
  outgoingKind(outgoingForm),
  outgoingKind(outgoingPix),
]

/** Never null: what no kind knows, and what nobody could decrypt, is reported as `unknown` rather than dropped. */
export const readMessage = (message: WireMessage, opened?: OpenedAnswer): Reading => {
  const content = contentOf(message)
  for (const kind of incoming) {
    const reading = kind.read(content, opened)
    if (reading !== null) return reading
  }
  return { type: 'unknown', content: '', changes: null, mediaType: null }
}
