/** What can be asked of WhatsApp about groups, as raw w:g2 queries: Baileys' own calls lose half of the answers (engine.md §6.2 no. 12). */
import { type BinaryNode, generateMessageIDV2 } from 'baileys'
import { type Address, EngineError } from '../../engine.ts'
import type { GroupSettings, Groups, MemberAction, MemberOutcome } from '../../groups.ts'
import { isSame } from './addresses.ts'
import type { GroupAnswers } from './group-answers.ts'
import { groupJid, readGroup, readOutcomes, readRequests } from './group-nodes.ts'
import { ALL_GROUPS, type AskAboutGroups, node } from './group-query.ts'
import { childOf, childrenNamed, childrenOf, numberOf } from './nodes.ts'

export interface GroupsOptions {
  ask: AskAboutGroups
  /** A query about something else. */
  request(node: BinaryNode): Promise<BinaryNode>
  answers: GroupAnswers
  /** How members are named in a group the account is in. Throws {@link EngineError} when it is not. */
  addressing(jid: string): Promise<'lid' | 'number'>
  /** The account is not in it any more. */
  onLeft(jid: string): void
}

const SERVER = '@s.whatsapp.net'
/** What the contract gives the slow ones. */
const MEMBERS_TIMEOUT_MS = 60_000
const APPROVE_TIMEOUT_MS = 90_000
const LIST_TIMEOUT_MS = 60_000

export const createGroups = ({ ask, request, answers, addressing: addressingOf, onLeft }: GroupsOptions): Groups => {
  /** Outcomes in the order asked; WhatsApp leaves nobody out, but may change the order and the form of address. */
  const inOrder = async (people: readonly Address[], answered: readonly MemberOutcome[]): Promise<MemberOutcome[]> => {
    const complete = await answers.introduce([...people, ...answered.map(({ address }) => address)])
    const found = answered.map((outcome) => ({ ...outcome, address: complete(outcome.address) }))
    return people.map((person, index) => {
      const asked = complete(person)
      const outcome = found.find(({ address }) => isSame(address, asked)) ?? (found.length === people.length ? found[index] : undefined)
      // Not told to have failed is done: WhatsApp answers an empty list when there was nothing to change.
      if (outcome === undefined) return { address: asked, error: null, invite: null }
      return { ...outcome, address: { jid: asked.jid ?? outcome.address.jid, lid: asked.lid ?? outcome.address.lid } }
    })
  }

  const codeIn = (answer: BinaryNode): string => {
    const code = childOf(answer, 'invite')?.attrs.code
    if (!code) throw new EngineError('rejected', 'WhatsApp answered without an invite code')
    return code
  }

  return {
    async create({ name, participants, community = null }) {
      const answer = await ask(
        ALL_GROUPS,
        'set',
        node('create', { subject: name, key: generateMessageIDV2() }, [
          ...participants.map((person) => participantNode(person, 'lid', 'add')),
          ...(community === null ? [] : [node('linked_parent', { jid: community })]),
        ]),
        MEMBERS_TIMEOUT_MS,
      )
      const refused = readOutcomes(childOf(answer, 'group')).filter(({ error }) => error !== null)
      await answers.introduce(refused.map(({ address }) => address))
      return { group: await answers.only(answer), refused }
    },

    async list({ members }) {
      const wanted = members ? [node('participants'), node('description')] : [node('description')]
      const answer = await ask(ALL_GROUPS, 'get', node('participating', {}, wanted), LIST_TIMEOUT_MS)
      return answers.complete(childrenNamed(childOf(answer, 'groups'), 'group').flatMap((group) => readGroup(group) ?? []))
    },

    read: async (jid) => answers.only(await ask(jid, 'get', node('query', { request: 'interactive' }))),

    async preview(code) {
      const group = readGroup(childOf(await ask(ALL_GROUPS, 'get', node('invite', { code })), 'group'))
      if (group === null) throw new EngineError('rejected', 'WhatsApp answered without a group', 406)
      const complete = await answers.introduce(group.creator === null ? [] : [group.creator])
      return { ...group, creator: group.creator === null ? null : complete(group.creator) }
    },

    async setName(jid, name) {
      await ask(jid, 'set', node('subject', {}, Buffer.from(name)))
    },

    async setDescription(jid, text, replaces) {
      const prev: BinaryNode['attrs'] = replaces ? { prev: replaces } : {}
      await ask(
        jid,
        'set',
        text === ''
          ? node('description', { delete: 'true', ...prev })
          : node('description', { id: generateMessageIDV2(), ...prev }, [node('body', {}, Buffer.from(text))]),
      )
    },

    async setPicture(jid, picture) {
      await request({
        tag: 'iq',
        attrs: { to: SERVER, target: jid, type: 'set', xmlns: 'w:profile:picture' },
        ...(picture === null ? {} : { content: [node('picture', { type: 'image' }, picture)] }),
      })
    },

    async changeSetting(jid, setting, value) {
      await ask(jid, 'set', settingNode(setting, value))
    },

    async changeMembers(jid, action, people) {
      if (people.length === 0) return []
      const addressing = await addressingOf(jid)
      if (action === 'approve' || action === 'reject') {
        const wanted = node('membership_requests_action', {}, [
          node(
            action,
            {},
            people.map((person) => participantNode(person, addressing, action)),
          ),
        ])
        const answer = await ask(jid, 'set', wanted, APPROVE_TIMEOUT_MS)
        return inOrder(people, readOutcomes(childOf(childOf(answer, 'membership_requests_action'), action)))
      }
      const wanted = people.map((person) => participantNode(person, addressing, action))
      const answer = await ask(jid, 'set', node(action, {}, wanted), MEMBERS_TIMEOUT_MS)
      return inOrder(people, readOutcomes(childOf(answer, action)))
    },

    async inviteCode(jid) {
      return codeIn(await ask(jid, 'get', node('invite')))
    },

    async renewInviteCode(jid) {
      return codeIn(await ask(jid, 'set', node('invite')))
    },

    async join(code) {
      const answer = await ask(ALL_GROUPS, 'set', node('invite', { code }))
      const waiting = childOf(answer, 'membership_approval_request')
      const id = (waiting ?? childOf(answer, 'group'))?.attrs.jid
      if (!id) throw new EngineError('rejected', 'WhatsApp answered without a group')
      return { jid: groupJid(id), requiresApproval: waiting !== undefined }
    },

    async requests(jid) {
      const answer = await ask(jid, 'get', node('membership_approval_requests'))
      const found = readRequests(childOf(answer, 'membership_approval_requests'))
      const complete = await answers.introduce(found.map(({ address }) => address))
      return found.map((request) => ({ ...request, address: complete(request.address) }))
    },

    async leave(jid) {
      const answer = await ask(ALL_GROUPS, 'set', node('leave', {}, [node('group', { id: jid })]))
      const error = numberOf(childrenOf(childOf(answer, 'leave'))[0]?.attrs.error)
      if (error !== null) throw new EngineError('rejected', 'WhatsApp refused to let the account leave', error)
      onLeft(jid)
    },
  }
}

/** As the group names its members; where that is by LID, adding also tells the number, as whatsmeow does. */
const participantNode = ({ jid, lid }: Address, addressing: 'lid' | 'number', action: MemberAction): BinaryNode => {
  if (lid === null || jid === null) return node('participant', { jid: lid ?? jid ?? '' })
  if (addressing === 'number') return node('participant', { jid })
  return node('participant', action === 'add' ? { jid: lid, phone_number: jid } : { jid: lid })
}

const settingNode = (setting: keyof GroupSettings, value: boolean): BinaryNode => {
  switch (setting) {
    case 'membersCanEditInfo':
      return node(value ? 'unlocked' : 'locked')
    case 'membersCanSendMessages':
      return node(value ? 'not_announcement' : 'announcement')
    case 'membersCanAddOthers':
      return node('member_add_mode', {}, Buffer.from(value ? 'all_member_add' : 'admin_add'))
    case 'requireAdminApproval':
      return node('membership_approval_mode', {}, [node('group_join', { state: value ? 'on' : 'off' })])
  }
}
