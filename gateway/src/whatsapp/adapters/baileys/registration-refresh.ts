/**
 * Since July 2026 WhatsApp has a companion that waits to be linked replace the secret its QR code shows, commonly when somebody has scanned it: the
 * phone says that it could not link the device, until a code with the new secret is scanned. WhatsApp Web makes a new one and draws the QR again with
 * the same ref (`WAWebHandleCompanionReqRefreshNotification`). Baileys rc14 knows nothing of it, and fails to acknowledge what comes before
 * there is an account.
 */
import type { AuthenticationCreds, BinaryNode } from 'baileys'
import { randomness } from '../../../runtime/randomness.ts'

export interface RegistrationRefresh {
  credentials: AuthenticationCreds
  send(ack: BinaryNode): Promise<void>
  /** The QR is to be shown anew. */
  onRefreshed(): void
}

/** False: it is something else, or the number is linked by a code, whose handshake makes a secret of its own; Baileys acknowledges it. */
export const refreshRegistration = async (
  { attrs, content }: BinaryNode,
  { credentials, send, onRefreshed }: RegistrationRefresh,
): Promise<boolean> => {
  const isMeant = Array.isArray(content) && content.some(({ tag }) => tag === 'companion_reg_refresh' || tag === 'pair-device-rotate-qr')
  if (attrs.type !== 'companion_reg_refresh' || !isMeant || credentials.me !== undefined) return false
  credentials.advSecretKey = randomness(32).toString('base64')
  onRefreshed()
  const ack = { class: 'notification', type: attrs.type, ...(attrs.id === undefined ? {} : { id: attrs.id }) }
  await send({ tag: 'ack', attrs: { ...ack, ...(attrs.from === undefined ? {} : { to: attrs.from }) } })
  return true
}

/** The same QR with this secret: `…#<ref>,<noise key>,<identity key>,<secret>,<platform>` (`buildPairingQRData` of Baileys). */
export const qrWithSecret = (qr: string, secret: string): string => qr.split(',').with(3, secret).join(',')
