/** `bot`: there are no bots on this network. */
import { node } from '../wire/nodes.ts'
import type { IqHandler } from './iq-handler.ts'

export const bots: IqHandler = {
  xmlns: 'bot',
  answer: () => [node('bot', { v: '2' }, [node('section', { type: 'all', name: 'All' })])],
}
