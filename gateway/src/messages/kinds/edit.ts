/** A message that replaces the text or caption of an earlier one of the same author. */
import type { WireMessage } from '../../whatsapp/wire.ts'
import type { IncomingKind } from './kind.ts'
import { incomingText } from './text.ts'

/** `ProtocolMessage.Type.MESSAGE_EDIT` of WAProto. */
const MESSAGE_EDIT = 14

export const incomingEdit: IncomingKind = {
  read({ protocolMessage }) {
    if (protocolMessage?.type !== MESSAGE_EDIT || !protocolMessage.key?.id) return null
    return { type: 'message_edit', content: newText(protocolMessage.editedMessage ?? {}), changes: protocolMessage.key.id, mediaType: null }
  },
}

const newText = (message: WireMessage): string =>
  incomingText.read(message)?.content ??
  message.imageMessage?.caption ??
  message.videoMessage?.caption ??
  message.documentMessage?.caption ??
  ''
