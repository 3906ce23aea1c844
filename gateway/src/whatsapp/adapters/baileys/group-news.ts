/**
 * Notifications about groups: everybody in a group is told of every change, whoever made it, the device that did it included. Each becomes an
 * inbox row before WhatsApp hears that we have it, like a message; a row a crash left behind is read here again.
 */
import { createHash } from 'node:crypto'
import { type BinaryNode, BufferJSON } from 'baileys'
import type { Address, InboxRow } from '../../engine.ts'
import type { GroupChange, GroupNews } from '../../groups.ts'
import { isGroupJid } from '../../jid.ts'
import { addressFrom, isSame } from './addresses.ts'
import { approvalOf, groupJid, memberAddress, readGroup } from './group-nodes.ts'
import { childOf, childrenNamed, childrenOf, numberOf, textOf, timeOf } from './nodes.ts'

/** Types of notification that speak of groups; no message stanza has one of these as its type. */
const types: ReadonlySet<string | undefined> = new Set(['w:gp2', 'picture'])

export const isGroupNews = ({ from, type }: Record<string, string | undefined>): boolean => types.has(type) && isGroupJid(from ?? '')

/** Null for notifications about something else. The same notification delivered again has the same hash. */
export const groupNewsRow = ({ attrs, content }: BinaryNode): InboxRow | null => {
  if (!isGroupNews(attrs) || !Array.isArray(content)) return null
  const { offline: _, ...attributes } = attrs
  const plaintext = Buffer.from(JSON.stringify(content, BufferJSON.replacer))
  const hash = createHash('sha256')
    .update(JSON.stringify(['group', attrs.from, attrs.participant, attrs.id, attrs.t]))
    .update(plaintext)
    .digest('hex')
  return { hash, attributes, plaintext, receivedAt: Date.now() }
}

/** Null when the row holds none, or nothing anybody would want to know. */
export const readGroupNews = ({ attributes, plaintext, receivedAt }: InboxRow, self: Address): GroupNews | null => {
  if (!isGroupNews(attributes)) return null
  const children: BinaryNode[] = JSON.parse(Buffer.from(plaintext).toString(), BufferJSON.reviver)
  const { from = '', participant, participant_pn, participant_lid, notify, t } = attributes
  const author = attributes.type === 'picture' ? children[0]?.attrs.author : undefined
  const actor = addressFrom(participant ?? author, participant_pn, participant_lid)
  const nobody = actor.jid === null && actor.lid === null
  const changes = children.flatMap((child) => changeOf(child, attributes.type === 'picture', actor, self) ?? [])
  if (changes.length === 0) return null
  const created = children[0]?.tag === 'create' ? readGroup(childOf(children[0], 'group')) : null
  const renamed = changes.find((change) => change.type === 'name')
  return {
    group: groupJid(from),
    actor: nobody ? null : actor,
    actorName: nobody ? null : notify || null,
    timestamp: timeOf(t) ?? receivedAt,
    name: renamed?.name ?? created?.name ?? null,
    isAnnouncementGroup: created?.isAnnouncementGroup ?? false,
    changes,
  }
}

/** Null for what we do not know. */
const changeOf = (node: BinaryNode, isPicture: boolean, actor: Address, self: Address): GroupChange | null => {
  const { tag, attrs } = node
  if (isPicture) return tag === 'set' ? { type: 'picture', id: attrs.id ?? '' } : tag === 'delete' ? { type: 'picture', id: null } : null
  const people = childrenNamed(node, 'participant').map((person) => memberAddress(person.attrs))
  switch (tag) {
    case 'create': {
      const group = readGroup(childOf(node, 'group'))
      const isNew = attrs.type === 'new'
      return {
        type: 'joined',
        people: isNew && group !== null ? group.members.map(({ address }) => address) : [self],
        how: isNew ? 'created' : wayIn(attrs.reason),
      }
    }
    case 'add':
      return { type: 'joined', people, how: wayIn(attrs.reason) }
    case 'remove':
    case 'leave':
      return { type: 'left', people, how: people.every((person) => isSame(person, actor)) ? 'left' : 'removed' }
    case 'promote':
      return { type: 'promoted', people }
    case 'demote':
      return { type: 'demoted', people }
    case 'subject':
      return { type: 'name', name: attrs.subject ?? textOf(node) }
    case 'description':
      return { type: 'description', text: textOf(childOf(node, 'body')) }
    case 'announcement':
    case 'not_announcement':
      return { type: 'setting', setting: 'membersCanSendMessages', value: tag === 'not_announcement' }
    case 'locked':
    case 'unlocked':
      return { type: 'setting', setting: 'membersCanEditInfo', value: tag === 'unlocked' }
    case 'member_add_mode':
      return { type: 'setting', setting: 'membersCanAddOthers', value: textOf(node) === 'all_member_add' }
    case 'membership_approval_mode':
      return { type: 'setting', setting: 'requireAdminApproval', value: approvalOf(node) }
    case 'ephemeral':
      return { type: 'ephemeral', seconds: numberOf(attrs.expiration) ?? 0 }
    case 'not_ephemeral':
      return { type: 'ephemeral', seconds: 0 }
    case 'invite':
      return attrs.code ? { type: 'invite', code: attrs.code } : null
    case 'created_membership_requests':
      return { type: 'requested', people: asking(node), how: attrs.request_method ?? '' }
    case 'revoked_membership_requests':
      return { type: 'unrequested', people: asking(node) }
    case 'link':
      return { type: 'linked', groups: linkedIn(node) }
    case 'unlink':
      return { type: 'unlinked', groups: linkedIn(node) }
    case 'delete':
      return { type: 'deleted', reason: attrs.reason ?? null }
    case 'suspended':
    case 'unsuspended':
      return { type: 'suspended', suspended: tag === 'suspended' }
    default:
      return null
  }
}

const wayIn = (reason: string | undefined): 'invite' | 'community' | 'added' =>
  reason === 'invite' ? 'invite' : reason === 'linked_group_join' ? 'community' : 'added'

/** whatsmeow knows them as `requested_user`. */
const asking = (node: BinaryNode): Address[] =>
  childrenOf(node)
    .filter(({ tag }) => tag === 'participant' || tag === 'requested_user')
    .map(({ attrs }) => memberAddress(attrs))

const linkedIn = (node: BinaryNode): string[] =>
  childrenNamed(node, 'group').flatMap(({ attrs }) => {
    const id = attrs.jid ?? attrs.id
    return id ? [groupJid(id)] : []
  })
