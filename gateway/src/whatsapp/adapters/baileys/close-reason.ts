/** Why a connection ended, from the codes WhatsApp and Baileys use (engine.md §6.2 no. 14; failure codes as in whatsmeow's `ConnectFailureReason`). */
import type { CloseReason } from '../../engine.ts'

/** `linked`: the device had credentials of its own, so nobody was waiting for a QR to be scanned. */
export const closeReasonOf = (code: number | 'proxy' | null, linked: boolean): CloseReason => {
  switch (code) {
    case 'proxy':
      return 'proxy'
    case 515:
      return 'restart'
    case 440:
      return 'replaced'
    case 401:
    case 406:
      return 'logged-out'
    case 402:
    case 403:
      return 'banned'
    case 405:
    case 409:
    case 411:
      return 'outdated'
    case 408:
      return linked ? 'lost' : 'qr-expired'
    case 500:
      return 'bad-session'
    default:
      return 'lost'
  }
}
