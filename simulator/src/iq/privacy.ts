/** `privacy`: who may see what, and the tokens by which people allow each other to write. */
import { IqError } from '../ports.ts'
import { type BinaryNode, childrenNamed, node } from '../wire/nodes.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

const TOKEN_BYTES = 16

export const privacy: IqHandler = {
  xmlns: 'privacy',
  answer(request) {
    const { type, child, account } = request
    if (type === 'get') return [settings(account.privacy.entries())]
    if (child?.tag === 'privacy') return change(request, child)
    if (child?.tag === 'tokens') return issueTokens(request, child)
    throw new NotImplemented(`privacy ${type} ${child?.tag}`)
  },
}

function change({ account, device, services }: IqRequest, asked: BinaryNode): BinaryNode[] {
  const categories = childrenNamed(asked, 'category')
  const changed = categories.map(({ attrs }): [string, string] => {
    const { name = '', value = '' } = attrs
    if (!account.privacy.set(name, value)) throw new IqError(400, 'bad-request')
    return [name, value]
  })
  services.notifier.toOwnDevices(account, device, 'account_sync', [settings(changed)])
  return [settings(changed)]
}

/** The contact gets a token and shows it with messages and picture requests from now on. */
function issueTokens({ account, services }: IqRequest, asked: BinaryNode): undefined {
  for (const { attrs } of childrenNamed(asked, 'token')) {
    const contact = services.directory.resolve(attrs.jid)?.account
    if (contact === undefined || contact === account) continue
    const bytes = services.seed.secret(`privacy token ${account.number} ${contact.number} ${attrs.t}`).subarray(0, TOKEN_BYTES)
    const token = node('token', { type: attrs.type, t: attrs.t }, bytes)
    for (const device of contact.devices.values()) {
      services.notifier.send(device, 'privacy_token', account.address(account.namedIn('s.whatsapp.net')), [node('tokens', {}, [token])], {
        sender_lid: account.lid,
      })
    }
  }
}

function settings(entries: readonly [string, string][]): BinaryNode {
  return node(
    'privacy',
    {},
    entries.map(([name, value]) => node('category', { name, value })),
  )
}
