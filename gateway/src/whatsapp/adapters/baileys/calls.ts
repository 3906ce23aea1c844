/** Incoming calls as events. */
import type { WACallEvent } from 'baileys'
import type { IncomingCall } from '../../engine.ts'
import { addressFrom } from './addresses.ts'

const statuses: Record<WACallEvent['status'], IncomingCall['status']> = {
  offer: 'offer',
  ringing: 'notification',
  preaccept: 'notification',
  transport: 'notification',
  relaylatency: 'latency',
  accept: 'accepted',
  reject: 'rejected',
  timeout: 'terminated',
  terminate: 'terminated',
}

export const readCall = (call: WACallEvent): IncomingCall => ({
  id: call.id,
  from: addressFrom(call.from, call.callerPn),
  status: statuses[call.status],
  isVideo: call.isVideo === true,
  isGroup: call.isGroup === true,
  groupJid: call.groupJid ?? null,
  timestamp: call.date.getTime(),
})
