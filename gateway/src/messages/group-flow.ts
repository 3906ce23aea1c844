/** The `data` of `group.flow` (core.md §7.5, decisions.md §3): one event per change of a group, whoever made it. */
import { rfc3339 } from '../runtime/clock.ts'
import type { Address } from '../whatsapp/engine.ts'
import type { GroupChange, GroupNews } from '../whatsapp/groups.ts'
import { canonical } from './context.ts'
import type { Person } from './exchange.ts'

type Told = string | number | boolean | null

/** In the order of the changes. */
export const groupFlowData = (news: GroupNews, introduce: (address: Address) => Person): Record<string, unknown>[] => {
  const actor = news.actor === null ? null : introduce(news.actor)
  const named = actor === null ? { jid: null, lid: null, name: null } : { ...actor, name: actor.name ?? news.actorName }
  const groupName = news.name ?? introduce({ jid: news.group, lid: null }).name
  return news.changes.flatMap((change) =>
    flows(change, news.actor).map(({ type, value, people = [] }) => ({
      type,
      groupJid: news.group,
      groupName,
      timestamp: rfc3339(news.timestamp),
      actor: named,
      participants: people.map(introduce),
      value,
    })),
  )
}

/** Everybody it speaks of. */
export const peopleIn = ({ group, actor, changes }: GroupNews): Address[] => [
  { jid: group, lid: null },
  ...(actor === null ? [] : [actor]),
  ...changes.flatMap((change) => ('people' in change ? change.people : [])),
]

/** Names of types and values: those live clients know, and whatsmeow's words for the others. */
const flows = (change: GroupChange, actor: Address | null): { type: string; value: Told; people?: readonly Address[] }[] => {
  switch (change.type) {
    case 'joined':
    case 'left':
      return [{ type: change.type, value: change.how, people: change.people }]
    case 'promoted':
    case 'demoted':
      return [{ type: change.type, value: null, people: change.people }]
    case 'name':
      return [{ type: 'name', value: change.name }]
    case 'description':
      return [{ type: 'topic', value: change.text }]
    case 'picture':
      return [{ type: 'picture', value: change.id }]
    case 'setting':
      return [settingFlow(change)]
    case 'ephemeral':
      return [{ type: 'ephemeral', value: change.seconds }]
    case 'invite':
      return [{ type: 'link', value: `https://chat.whatsapp.com/${change.code}` }]
    case 'requested':
      return [{ type: 'join_request', value: change.how, people: change.people }]
    case 'unrequested': {
      const theirs = actor !== null && change.people.some((person) => canonical(person) === canonical(actor))
      return [{ type: 'join_request_closed', value: theirs ? 'withdrawn' : 'rejected', people: change.people }]
    }
    case 'linked':
    case 'unlinked':
      return change.groups.map((jid) => ({ type: change.type, value: jid }))
    case 'deleted':
      return [{ type: 'delete', value: change.reason }]
    case 'suspended':
      return [{ type: change.suspended ? 'suspended' : 'unsuspended', value: null }]
  }
}

const settingFlow = ({ setting, value }: GroupChange & { type: 'setting' }): { type: string; value: Told } => {
  switch (setting) {
    case 'membersCanSendMessages':
      return { type: 'announce', value: !value }
    case 'membersCanEditInfo':
      return { type: 'locked', value: !value }
    case 'membersCanAddOthers':
      return { type: 'member_add_mode', value: value ? 'all_member_add' : 'admin_add' }
    case 'requireAdminApproval':
      return { type: 'join_approval', value }
  }
}
