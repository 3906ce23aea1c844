/** Whom stories are for. Source: whatsmeow's GetStatusPrivacy; Baileys has no such query. */
import type { BinaryNode } from 'baileys'
import { isLid, parseJid } from '../../jid.ts'
import type { StoryPrivacy, StorySession } from '../../stories.ts'

export const createStories = (request: (node: BinaryNode) => Promise<BinaryNode>): StorySession => ({
  async storyPrivacy() {
    const attrs = { to: 's.whatsapp.net', type: 'get', xmlns: 'status' }
    return privacyIn(await request({ tag: 'iq', attrs, content: [{ tag: 'privacy', attrs: {} }] }))
  },
})

/** WhatsApp sends the lists of all three choices; the one in use is the default. Pure. */
export const privacyIn = (answer: BinaryNode): StoryPrivacy => {
  const lists = childrenOf(childrenOf(answer, 'privacy')[0], 'list')
  const list = lists.find(({ attrs }) => attrs.default === 'true') ?? lists[0]
  const people = childrenOf(list, 'user').flatMap(({ attrs: { jid } }) => {
    const parsed = parseJid(jid ?? '')
    if (parsed === null) return []
    const bare = `${parsed.user}@${parsed.server}`
    return [isLid(bare) ? { jid: null, lid: bare } : { jid: bare, lid: null }]
  })
  switch (list?.attrs.type) {
    case 'whitelist':
      return { shownTo: 'only', people }
    case 'blacklist':
    case 'contact_blacklist':
      return { shownTo: 'contacts-except', people }
    default:
      return { shownTo: 'contacts', people: [] }
  }
}

const childrenOf = (node: BinaryNode | undefined, tag: string): BinaryNode[] =>
  Array.isArray(node?.content) ? node.content.filter((child) => child.tag === tag) : []
