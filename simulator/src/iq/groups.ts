/** `w:g2`: groups. There are none on this network yet, so that "which groups am I in" has a true answer and nothing else does. */
import { node } from '../wire/nodes.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

export const groups: IqHandler = {
  xmlns: 'w:g2',
  answer({ type, child }) {
    if (type === 'get' && child?.tag === 'participating') return [node('groups')]
    throw new NotImplemented(`w:g2 ${type} ${child?.tag}`)
  },
}
