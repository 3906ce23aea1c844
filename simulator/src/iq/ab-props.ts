/** `abt`: server-side switches of client behaviour. */
import { node } from '../wire/nodes.ts'
import type { IqHandler } from './iq-handler.ts'

/** Switches clients look at (engine.md §4): privacy tokens on messages and picture requests, tokens issued to the LID. */
const PROPS: Record<string, string> = { 10518: 'true', 9666: 'true', 14303: 'false' }

export const abProps: IqHandler = {
  xmlns: 'abt',
  answer: () => [
    node(
      'props',
      { hash: 'simulator1', refresh: '86400' },
      Object.entries(PROPS).map(([name, value]) => node('prop', { name, value, config_code: name })),
    ),
  ],
}
