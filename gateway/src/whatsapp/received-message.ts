/** Messages as they arrive, now or with the history. */
import type { MessageKey } from './address.ts'
import type { WireMessage } from './wire.ts'

/** A message as it arrived, from others or from another device of the own account. */
export interface ReceivedMessage extends MessageKey {
  /** Milliseconds since 1970, WhatsApp's clock. */
  timestamp: number
  pushName: string | null
  /** Unwrapped from deviceSent, ephemeral and view-once envelopes. Empty when nobody could read it. */
  message: WireMessage
  viewOnce: boolean
  /** True while WhatsApp hands over what came while we were away. */
  offline: boolean
}
