/** `md` of a device that is logged in: a companion removes itself. Pairing happens before the login (`server/registration.ts`). */
import { IqError } from '../ports.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

export const multiDevice: IqHandler = {
  xmlns: 'md',
  answer({ type, child, device, account, services }) {
    if (type !== 'set' || child?.tag !== 'remove-companion-device') throw new NotImplemented(`md ${type} ${child?.tag}`)
    const target = services.directory.device(child.attrs.jid)
    if (target === undefined || target.account !== account || target.isPhone) throw new IqError(404, 'item-not-found')
    if (target !== device && !device.isPhone) throw new IqError(403, 'forbidden')
    // The answer goes out first; the connection ends behind it.
    setImmediate(() => services.unlink(target))
    return undefined
  },
}
