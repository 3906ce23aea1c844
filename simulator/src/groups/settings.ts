/** Subject, description and the switches of a group. What is set to what it is already changes nothing and is told to nobody. */
import { unixSeconds } from '../clock.ts'
import { type BinaryNode, childOf, node, textOf } from '../wire/nodes.ts'
import { Group } from './group.ts'
import { named } from './group-nodes.ts'
import { badRequest, conflict, forbidden, type GroupAnswer, type GroupRequest, notAcceptable } from './group-request.ts'

const MAX_EPHEMERAL = 365 * 86_400

export function setSubject(request: GroupRequest): GroupAnswer {
  const { group, account, child, services } = request
  requireEditor(request)
  const text = (textOf(child) ?? '').trim()
  if (text === '' || [...text].length > Group.maxSubject) throw notAcceptable()
  if (text === group.subject.text) return undefined
  group.subject = { text, by: account, at: unixSeconds(services.clock) }
  const attrs = { subject: text, s_t: String(group.subject.at), ...named(group, account, 's_o') }
  services.groupNews.tell(group, account, node('subject', attrs))
  return undefined
}

/** `prev` must name the description that is replaced: two people editing at once must not overwrite each other unseen. */
export function setDescription(request: GroupRequest): GroupAnswer {
  const { group, account, child, services } = request
  requireEditor(request)
  const { id, prev, delete: deleted } = child.attrs
  if (prev !== group.description?.id) throw conflict()
  const text = deleted === 'true' ? '' : (textOf(childOf(child, 'body')) ?? '')
  if ([...text].length > Group.maxDescription) throw notAcceptable()
  if (text === '' && group.description === undefined) return undefined
  const newId = id ?? services.groups.newCode()
  group.description = text === '' ? undefined : { id: newId, text, by: account, at: unixSeconds(services.clock) }
  const content = text === '' ? node('delete') : node('body', {}, Buffer.from(text))
  services.groupNews.tell(group, account, node('description', { id: newId }, [content]))
  return undefined
}

export function setAnnouncement(request: GroupRequest): GroupAnswer {
  const { group, child } = request
  requireAdmin(request)
  const on = child.tag === 'announcement'
  if (on === group.announcement) return undefined
  group.announcement = on
  return told(request, node(child.tag, { v_id: String(unixSeconds(request.services.clock)) }))
}

export function setLocked(request: GroupRequest): GroupAnswer {
  const { group, child } = request
  requireAdmin(request)
  const on = child.tag === 'locked'
  if (on === group.locked) return undefined
  group.locked = on
  return told(request, node(child.tag))
}

export function setEphemeral(request: GroupRequest): GroupAnswer {
  const { group, child } = request
  requireEditor(request)
  const seconds = child.tag === 'ephemeral' ? Number(child.attrs.expiration) : 0
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > MAX_EPHEMERAL) throw badRequest()
  if (seconds === group.ephemeral) return undefined
  group.ephemeral = seconds
  return told(request, seconds === 0 ? node('not_ephemeral') : node('ephemeral', { expiration: String(seconds), trigger: '1' }))
}

export function setMemberAddMode(request: GroupRequest): GroupAnswer {
  const { group, child } = request
  requireAdmin(request)
  const mode = textOf(child)
  if (mode !== 'admin_add' && mode !== 'all_member_add') throw badRequest()
  if (mode === group.memberAddMode) return undefined
  group.memberAddMode = mode
  return told(request, node(child.tag, {}, Buffer.from(mode)))
}

/** Switching it off leaves the queue as it is: those in it can still be let in. */
export function setApprovalMode(request: GroupRequest): GroupAnswer {
  const { group, child } = request
  requireAdmin(request)
  const state = (childOf(child, 'group_join') ?? childOf(child, 'community_join'))?.attrs.state
  if (state !== 'on' && state !== 'off') throw badRequest()
  if ((state === 'on') === group.joinApproval) return undefined
  group.joinApproval = state === 'on'
  return told(request, node(child.tag, {}, [node('group_join', { state })]))
}

/** In a locked group only admins change what it looks like. */
export function requireEditor({ group, account }: Pick<GroupRequest, 'group' | 'account'>): void {
  if (group.locked && !group.isAdmin(account)) throw forbidden()
}

function requireAdmin({ group, account }: GroupRequest): void {
  if (!group.isAdmin(account)) throw forbidden()
}

function told({ group, account, services }: GroupRequest, change: BinaryNode): undefined {
  services.groupNews.tell(group, account, change)
  return undefined
}
