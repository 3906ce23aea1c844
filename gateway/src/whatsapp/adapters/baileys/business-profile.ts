/** What a business says about itself, by WhatsApp's own query (shape as in Baileys 7, `Socket/chats`; that one reads one website only). */
import type { BinaryNode } from 'baileys'
import type { BusinessProfile } from '../../profile.ts'
import { childOf, childrenNamed, textOf } from './nodes.ts'

export const businessProfileQuery = (jid: string): BinaryNode => ({
  tag: 'iq',
  attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:biz' },
  content: [{ tag: 'business_profile', attrs: { v: '244' }, content: [{ tag: 'profile', attrs: { jid } }] }],
})

/** Null for people, and for a business that says nothing: WhatsApp answers both alike. */
export const readBusinessProfile = (answer: BinaryNode): BusinessProfile | null => {
  const profile = childOf(childOf(answer, 'business_profile'), 'profile')
  const field = (node: BinaryNode | undefined) => textOf(node).trim() || null
  const said = {
    description: field(childOf(profile, 'description')),
    category: field(childOf(childOf(profile, 'categories'), 'category')),
    address: field(childOf(profile, 'address')),
    email: field(childOf(profile, 'email')),
  }
  const websites = childrenNamed(profile, 'website').flatMap((website) => field(website) ?? [])
  return websites.length === 0 && Object.values(said).every((value) => value === null) ? null : { ...said, websites }
}
