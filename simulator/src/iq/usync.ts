/** `usync`: looking people up. A query names protocols; each person is answered for every protocol we know of them. */
import type { Account } from '../accounts/account.ts'
import type { UserServer } from '../jid.ts'
import { IqError } from '../ports.ts'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node, textOf } from '../wire/nodes.ts'
import type { IqHandler, IqRequest } from './iq-handler.ts'

/** What one protocol says about a person; undefined when it says nothing. `written` is the number as it was asked for. */
type Protocol = (person: Account, request: IqRequest, written: string | undefined) => BinaryNode | undefined

const PROTOCOLS: Record<string, Protocol> = {
  // It repeats the question: WhatsApp may write the number otherwise.
  contact: (_person, _request, written) => contact('in', written),
  // Mandatory beside devices: without it clients cannot send (engine.md §9.4).
  lid: (person) => node('lid', { val: person.lid }),
  devices,
  status: about,
  disappearing_mode: ({ disappearing }) =>
    node('disappearing_mode', { duration: String(disappearing.duration), t: String(disappearing.setAt) }),
  business: (person) => (person.business ? node('business', {}, [node('verified_name', { v: '2' })]) : undefined),
  picture: (person) => (person.picture === undefined ? undefined : node('picture', { id: person.picture.id })),
  username: ({ username }) => (username === undefined ? undefined : node('username', {}, Buffer.from(username))),
}

export const usync: IqHandler = {
  xmlns: 'usync',
  answer(request) {
    const { child } = request
    if (child?.tag !== 'usync') throw new IqError(400, 'bad-request')
    const asked = childrenOf(childOf(child, 'query')).map((protocol) => protocol.tag)
    const people = childrenNamed(childOf(child, 'list'), 'user').flatMap((user) => answerUser(request, asked, user) ?? [])
    const { sid, index, last, mode, context } = child.attrs
    return [
      node('usync', { sid, index, last, mode, context }, [
        node(
          'result',
          {},
          asked.map((tag) => node(tag)),
        ),
        node('list', {}, people),
      ]),
    ]
  },
}

/** Undefined for unknown addresses: they are left out. A number asked for by `<contact>` is answered in any case. */
function answerUser(request: IqRequest, asked: readonly string[], user: BinaryNode): BinaryNode | undefined {
  const { directory } = request.services
  const byJid = directory.resolve(user.attrs.jid)
  if (byJid !== undefined) return person(request, asked, byJid.account, byJid.server)
  const written = textOf(childOf(user, 'contact'))
  const number = written?.replace(/\D/g, '')
  if (!number) return undefined
  const account = directory.byNumber(number)
  if (account !== undefined) return person(request, asked, account, 's.whatsapp.net', written)
  return node('user', { jid: `${number}@s.whatsapp.net` }, [contact('out', written)])
}

function person(request: IqRequest, asked: readonly string[], account: Account, server: UserServer, written?: string): BinaryNode {
  request.account.meet(account)
  const answers = asked.flatMap((tag) => PROTOCOLS[tag]?.(account, request, written) ?? [])
  return node('user', { jid: account.address(server) }, answers)
}

function contact(type: 'in' | 'out', written: string | undefined): BinaryNode {
  return node('contact', { type }, written === undefined ? undefined : Buffer.from(written))
}

function devices(account: Account, { services }: IqRequest): BinaryNode {
  const list = [...account.devices.values()].map((device) =>
    node('device', { id: String(device.id), 'key-index': device.isPhone ? undefined : String(device.keyIndex) }),
  )
  const ts = String(Math.floor(services.clock.now() / 1000))
  return node('devices', {}, [node('device-list', {}, list), node('key-index-list', { ts })])
}

function about(account: Account, { account: asker }: IqRequest): BinaryNode {
  const hidden = account !== asker && (account.isBlocking(asker) || !account.privacy.shows('status', account.contacts.has(asker)))
  if (hidden) return node('status', { code: '401' })
  return node('status', { t: String(account.about.setAt) }, Buffer.from(account.about.text))
}
