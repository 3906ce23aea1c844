/** `tos`: agreeing to terms. The only ones anybody asks for here are those of whoever makes a newsletter. */
import { type IqHandler, NotImplemented } from './iq-handler.ts'

/** Notice of the terms for creators of newsletters. */
const NEWSLETTER_TERMS = '20601218'

export const termsOfService: IqHandler = {
  xmlns: 'tos',
  answer({ type, child, account, services }) {
    if (type !== 'set' || child?.tag !== 'notice') throw new NotImplemented(`tos ${type} ${child?.tag}`)
    if (child.attrs.id === NEWSLETTER_TERMS) services.newsletters.withoutTerms.delete(account)
    return undefined
  },
}
