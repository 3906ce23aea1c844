/**
 * Named places on the way of a message, and of a deletion, for tracing and for tests that kill the process exactly there. Each is a channel of
 * `node:diagnostics_channel`; without a subscriber it costs a comparison. Messages: `{ ids }`, WhatsApp's ids of the messages that are there.
 *
 *   decrypting ─▶ stored ─▶ receiptSent
 *                    └────▶ recording ─▶ recorded ─▶ (deliveries: undici publishes its own channels)
 */
import { channel } from 'node:diagnostics_channel'

export const milestones = {
  /** Of ours: written down under its id, and not yet handed to WhatsApp. */
  sending: channel('ryzeapi:message.sending'),
  /** Of ours: WhatsApp has it, and nobody has been told. */
  left: channel('ryzeapi:message.left'),
  /** About to be decrypted. */
  decrypting: channel('ryzeapi:message.decrypting'),
  /** Ratchet and inbox row are durable; the receipt still waits. */
  stored: channel('ryzeapi:message.stored'),
  /** WhatsApp has been told to forget the message. */
  receiptSent: channel('ryzeapi:message.receipt-sent'),
  /** About to become message, event and deliveries. */
  recording: channel('ryzeapi:message.recording'),
  /** Message, event and deliveries are durable; nobody has been told. */
  recorded: channel('ryzeapi:message.recorded'),
  /** Deleting an instance, after each of its steps (`instances/deletion.ts`); `ids` holds the instance's. */
  deletion: {
    marked: channel('ryzeapi:deletion.marked'),
    'logged-out': channel('ryzeapi:deletion.logged-out'),
    erased: channel('ryzeapi:deletion.erased'),
    forgotten: channel('ryzeapi:deletion.forgotten'),
  },
} as const
