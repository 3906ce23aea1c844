/** `disappearing_mode`: default time after which messages of new chats disappear. */
import { unixSeconds } from '../clock.ts'
import { IqError } from '../ports.ts'
import { node } from '../wire/nodes.ts'
import type { IqHandler } from './iq-handler.ts'

export const disappearingMode: IqHandler = {
  xmlns: 'disappearing_mode',
  answer({ type, child, device, account, services }) {
    if (type === 'set') {
      const duration = Number(child?.attrs.duration)
      if (!Number.isInteger(duration) || duration < 0) throw new IqError(400, 'bad-request')
      account.disappearing = { duration, setAt: unixSeconds(services.clock) }
      services.notifier.toOwnDevices(account, device, 'account_sync', [mode(account)])
      return undefined
    }
    return [mode(account)]
  },
}

function mode(account: { disappearing: { duration: number; setAt: number } }) {
  return node('disappearing_mode', { duration: String(account.disappearing.duration), t: String(account.disappearing.setAt) })
}
