/**
 * Communities, as raw w:g2 queries: Baileys' own calls make an id nobody has out of the answer, and `null` out of a refusal (engine.md §6.2
 * no. 12). Stanzas as whatsmeow writes them.
 */
import { type BinaryNode, generateMessageIDV2 } from 'baileys'
import type { CommunitySession, LinkedGroup } from '../../communities.ts'
import { EngineError } from '../../engine.ts'
import type { GroupAnswers } from './group-answers.ts'
import { groupJid } from './group-nodes.ts'
import { ALL_GROUPS, type AskAboutGroups, node } from './group-query.ts'
import { childOf, childrenNamed, childrenOf, numberOf } from './nodes.ts'

const SUB_GROUP = 'sub_group'

export const createCommunities = (ask: AskAboutGroups, answers: Pick<GroupAnswers, 'only'>): CommunitySession['communities'] => ({
  async create({ name, description, requestsByDefault }) {
    const wanted = node('create', { subject: name, key: generateMessageIDV2() }, [
      ...(description === '' ? [] : [node('description', { id: generateMessageIDV2() }, [node('body', {}, Buffer.from(description))])]),
      // Without the attribute its groups are open; WhatsApp's own apps never send an empty one.
      node('parent', requestsByDefault ? { default_membership_approval_mode: 'request_required' } : {}),
    ])
    return answers.only(await ask(ALL_GROUPS, 'set', wanted))
  },

  async link(community, group) {
    const wanted = node('links', {}, [node('link', { link_type: SUB_GROUP }, [node('group', { jid: group })])])
    verdict(await ask(community, 'set', wanted), group)
  },

  async unlink(community, group) {
    verdict(await ask(community, 'set', node('unlink', { unlink_type: SUB_GROUP }, [node('group', { jid: group })])), group)
  },

  async linkedGroups(community) {
    const answer = await ask(community, 'get', node('sub_groups'))
    return childrenNamed(childOf(answer, 'sub_groups'), 'group').flatMap((group): LinkedGroup[] => {
      const id = group.attrs.jid ?? group.attrs.id
      if (!id) return []
      const isAnnouncementGroup = childOf(group, 'default_sub_group') !== undefined
      return [{ jid: groupJid(id), name: group.attrs.subject ?? '', isAnnouncementGroup }]
    })
  },
})

/** The answer names the group again, with an error where it was not done. */
const verdict = (answer: BinaryNode, jid: string): void => {
  const error = numberOf(errorOf(answer, jid))
  if (error !== null) throw new EngineError('rejected', 'WhatsApp refused the group', error)
}

const errorOf = (parent: BinaryNode, jid: string): string | undefined => {
  for (const child of childrenOf(parent)) {
    const error = child.tag === 'group' && groupJid(child.attrs.jid ?? '') === jid ? child.attrs.error : errorOf(child, jid)
    if (error !== undefined) return error
  }
  return undefined
}
