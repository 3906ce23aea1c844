/** `w:biz`: what a business account says about itself. */
import { IqError } from '../ports.ts'
import { type BinaryNode, childrenNamed, childrenOf, node, textOf } from '../wire/nodes.ts'
import { type IqHandler, type IqRequest, NotImplemented } from './iq-handler.ts'

const FIELDS = ['address', 'description', 'website', 'email'] as const

export const businessProfile: IqHandler = {
  xmlns: 'w:biz',
  answer(request) {
    if (request.child?.tag !== 'business_profile') throw new NotImplemented(`w:biz ${request.child?.tag}`)
    return request.type === 'get' ? read(request, request.child) : write(request, request.child)
  },
}

function read({ services }: IqRequest, asked: BinaryNode): BinaryNode[] {
  const profiles = childrenNamed(asked, 'profile').flatMap(({ attrs }) => {
    const account = services.directory.resolve(attrs.jid)?.account
    if (account === undefined || !account.business) return []
    const fields = FIELDS.flatMap((field) => {
      const value = account.businessProfile[field]
      return value === undefined ? [] : [node(field, {}, Buffer.from(value))]
    })
    const { category } = account.businessProfile
    const categories = category === undefined ? [] : [node('categories', {}, [node('category', { id: '1' }, Buffer.from(category))])]
    return [node('profile', { jid: attrs.jid }, [...fields, ...categories])]
  })
  return [node('business_profile', {}, profiles)]
}

function write({ account }: IqRequest, asked: BinaryNode): undefined {
  if (!account.business) throw new IqError(403, 'forbidden')
  for (const field of childrenOf(asked)) {
    if (!(FIELDS as readonly string[]).includes(field.tag)) throw new NotImplemented(`business profile field ${field.tag}`)
    account.businessProfile[field.tag] = textOf(field) ?? ''
  }
}
