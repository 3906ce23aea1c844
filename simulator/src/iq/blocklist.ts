/** `blocklist`: whom the account does not want to hear from. Kept and listed by LID. */
import { Account } from '../accounts/account.ts'
import { IqError } from '../ports.ts'
import { node } from '../wire/nodes.ts'
import type { IqHandler } from './iq-handler.ts'

export const blocklist: IqHandler = {
  xmlns: 'blocklist',
  answer({ type, child, device, account, services }) {
    if (type === 'get') return [list(account)]
    const { action, jid, pn_jid: pnJid } = child?.attrs ?? {}
    const person = services.directory.resolve(jid) ?? services.directory.resolve(pnJid)
    if (person === undefined) throw new IqError(404, 'item-not-found')
    if (action === 'block') {
      if (account.blocked.size >= Account.maxBlocked) throw new IqError(507, 'too-many')
      account.blocked.add(person.account.lid)
    } else if (action === 'unblock') account.blocked.delete(person.account.lid)
    else throw new IqError(400, 'bad-request')
    const item = node('item', { action, jid: person.account.lid, pn_jid: person.account.jid })
    services.notifier.toOwnDevices(account, device, 'account_sync', [node('blocklist', {}, [item])])
    return [list(account)]
  },
}

function list(account: Account) {
  return node(
    'list',
    {},
    [...account.blocked].map((jid) => node('item', { jid })),
  )
}
