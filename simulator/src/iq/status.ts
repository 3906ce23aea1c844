/** `status`: the "about" text of an account, and whom its stories are for. */
import { type Account, STORY_AUDIENCES } from '../accounts/account.ts'
import { unixSeconds } from '../clock.ts'
import { IqError } from '../ports.ts'
import type { Services } from '../services.ts'
import { type BinaryNode, node, textOf } from '../wire/nodes.ts'
import { type IqHandler, NotImplemented } from './iq-handler.ts'

const MAX_LENGTH = 139

export const status: IqHandler = {
  xmlns: 'status',
  answer({ type, child, account, device, services }) {
    if (type === 'get' && child?.tag === 'privacy') return [storyAudience(account)]
    if (type !== 'set' || child?.tag !== 'status') throw new NotImplemented(`status ${type} ${child?.tag}`)
    const text = textOf(child) ?? ''
    if ([...text].length > MAX_LENGTH) throw new IqError(406, 'not-acceptable')
    setAbout(account, text, services)
    services.notifier.toOwnDevices(account, device, 'status', [node('set', {}, Buffer.from(text))])
    return undefined
  },
}

/** The lists of the app's three choices; the one in use is the default. */
function storyAudience({ stories }: Account): BinaryNode {
  const lists = STORY_AUDIENCES.map((type) => {
    const people = type === stories.audience ? stories.people : []
    const users = people.map((jid) => node('user', { jid }))
    return node('list', { type, default: type === stories.audience ? 'true' : undefined }, users)
  })
  return node('privacy', {}, lists)
}

/** Changes the text and tells everybody who may see it. */
export function setAbout(account: Account, text: string, services: Services): void {
  account.about = { text, setAt: unixSeconds(services.clock) }
  services.notifier.toWatchers(account, 'status', [node('set', {}, Buffer.from(text))])
}
