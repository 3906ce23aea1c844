/** A message that replaces the text or caption, or the name of the event, of an earlier one of the same author. */
import { contentOf } from '../../whatsapp/envelopes.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { incomingEvent } from './event.ts'
import type { IncomingKind } from './kind.ts'
import { incomingMedia } from './media.ts'
import { incomingText } from './text.ts'

/** `ProtocolMessage.Type.MESSAGE_EDIT` of WAProto. */
export const MESSAGE_EDIT = 14

export const incomingEdit: IncomingKind = {
  read({ protocolMessage }) {
    if (protocolMessage?.type !== MESSAGE_EDIT || !protocolMessage.key?.id) return null
    return { type: 'message_edit', content: newText(protocolMessage.editedMessage ?? {}), changes: protocolMessage.key.id, mediaType: null }
  },
}

const newText = (message: WireMessage): string => {
  const content = contentOf(message)
  for (const kind of [incomingText, incomingMedia, incomingEvent]) {
    const reading = kind.read(content)
    if (reading !== null) return reading.content
  }
  return ''
}
