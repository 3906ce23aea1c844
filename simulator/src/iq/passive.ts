/** `passive`: a companion says that it is ready for what has waited for it, or that it no longer is. */
import { type IqHandler, NotImplemented } from './iq-handler.ts'

export const passive: IqHandler = {
  xmlns: 'passive',
  answer({ child, device }) {
    if (child?.tag !== 'active' && child?.tag !== 'passive') throw new NotImplemented(`passive ${child?.tag}`)
    // Behind the answer, which the client awaits.
    if (child.tag === 'active') setImmediate(() => device.connection?.activate())
    return undefined
  },
}
