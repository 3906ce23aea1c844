/** `status`: the "about" text of an account. */
import type { Account } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import { IqError } from '../ports.ts'
import type { Services } from '../services.ts'
import { node, textOf } from '../wire/nodes.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

const MAX_LENGTH = 139

export const status: IqHandler = {
  xmlns: 'status',
  answer({ type, child, account, device, services }) {
    if (type !== 'set' || child?.tag !== 'status') throw new NotImplemented(`status ${type} ${child?.tag}`)
    const text = textOf(child) ?? ''
    if ([...text].length > MAX_LENGTH) throw new IqError(406, 'not-acceptable')
    setAbout(account, text, services)
    services.notifier.toOwnDevices(account, device, 'status', [node('set', {}, Buffer.from(text))])
    return undefined
  },
}

/** Changes the text and tells everybody who may see it. */
export function setAbout(account: Account, text: string, services: Services): void {
  account.about = { text, setAt: unixSeconds(services.clock) }
  services.notifier.toWatchers(account, 'status', [node('set', {}, Buffer.from(text))])
}
