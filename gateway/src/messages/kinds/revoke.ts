/** "This message was deleted": takes an earlier message back for everybody. */
import type { IncomingKind } from './kind.ts'

/** `ProtocolMessage.Type.REVOKE` of WAProto. Protobuf leaves a 0 out, so it may be missing. */
const REVOKE = 0

export const incomingRevoke: IncomingKind = {
  read({ protocolMessage }) {
    if (!protocolMessage?.key?.id || (protocolMessage.type ?? REVOKE) !== REVOKE) return null
    return { type: 'message_revoke', content: '', changes: protocolMessage.key.id, mediaType: null }
  },
}
