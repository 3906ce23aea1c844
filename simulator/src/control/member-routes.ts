/** Who comes into a group and who goes, as people do it on their phones. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type BinaryNode, childOf, childrenNamed, childrenOf, node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { ALL_GROUPS, actor, askAboutGroups, describeGroup, groupOf } from './group-views.ts'
import { address } from './path-parameters.ts'

const by = z.string()
const change = z.strictObject({
  by,
  action: z.enum(['add', 'remove', 'promote', 'demote', 'approve', 'reject']),
  participants: z.array(address).min(1),
})
const byOnly = z.strictObject({ by })
const joining = z.strictObject({ by, code: z.string().min(1) })
const accepting = z.strictObject({ by, code: z.string(), expiration: z.number().int(), admin: address })
const withId = z.object({ id: z.string() })

export function memberRoutes(api: FastifyInstance, parts: ControlParts): void {
  api.post('/groups/:id/participants', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    const { by: number, action, participants } = change.parse(request.body)
    const people = participants.map((jid) => node('participant', { jid }))
    const queued = action === 'approve' || action === 'reject'
    const asked = queued ? node('membership_requests_action', {}, [node(action, {}, people)]) : node(action, {}, people)
    const answer = await askAboutGroups(actor(parts, number), group.jid, 'set', asked)
    const [outer] = childrenOf(answer)
    return { participants: childrenNamed(queued ? childOf(outer, action) : outer, 'participant').map(describeOutcome) }
  })

  /** A new invite code; the old one is dead. */
  api.post('/groups/:id/invite', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    await askAboutGroups(actor(parts, byOnly.parse(request.body).by), group.jid, 'set', node('invite'))
    return { code: group.inviteCode }
  })

  api.post('/groups/join', async (request) => {
    const { by: number, code } = joining.parse(request.body)
    const answer = await askAboutGroups(actor(parts, number), ALL_GROUPS, 'set', node('invite', { code }))
    const waiting = childOf(answer, 'membership_approval_request')
    return { id: (waiting ?? childOf(answer, 'group'))?.attrs.jid, requiresApproval: waiting !== undefined }
  })

  /** A member of the community walks in. */
  api.post('/groups/:id/enter', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    if (group.parent === undefined) throw new ControlError(404, `${group.jid} is in no community`)
    const entering = node('join_linked_group', { jid: group.jid, type: 'sub_group' })
    const answer = await askAboutGroups(actor(parts, byOnly.parse(request.body).by), group.parent.jid, 'set', entering)
    return { ...describeGroup(group), requiresApproval: childOf(answer, 'membership_approval_request') !== undefined }
  })

  /** With a personal invite, as it stands in a `groupInviteMessage`. */
  api.post('/groups/:id/accept', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    const { by: number, code, expiration, admin } = accepting.parse(request.body)
    await askAboutGroups(actor(parts, number), group.jid, 'set', node('accept', { code, expiration: String(expiration), admin }))
    return describeGroup(group)
  })

  /** Takes back a request to be let in. */
  api.post('/groups/:id/cancel', async (request, reply) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    const person = actor(parts, byOnly.parse(request.body).by)
    const self = node('participant', { jid: person.account.lid })
    await askAboutGroups(person, group.jid, 'set', node('cancel_membership_requests', {}, [self]))
    return reply.status(204).send()
  })

  api.post('/groups/:id/leave', async (request, reply) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    const left = node('leave', {}, [node('group', { id: group.jid })])
    await askAboutGroups(actor(parts, byOnly.parse(request.body).by), ALL_GROUPS, 'set', left)
    return reply.status(204).send()
  })
}

function describeOutcome(participant: BinaryNode) {
  const { jid, error } = participant.attrs
  const invite = childOf(participant, 'add_request')?.attrs
  return {
    jid,
    ...(error !== undefined && { error: Number(error) }),
    ...(invite && { invite: { code: invite.code, expiration: Number(invite.expiration) } }),
  }
}
