/** Communities as people operate them on their phones. A community is shown as the group it is, with the groups linked to it. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { childOf, childrenNamed, node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { ALL_GROUPS, actor, askAboutGroups, describeGroup, groupOf } from './group-views.ts'
import { address } from './path-parameters.ts'

const by = z.string()
const newCommunity = z.strictObject({
  by,
  subject: z.string(),
  description: z.string().default(''),
  participants: z.array(address).default([]),
  /** Members may make groups in it. */
  openToNewGroups: z.boolean().default(false),
  /** Groups made in it let people in by request. */
  requestsByDefault: z.boolean().default(true),
})
const linking = z.strictObject({ by, groups: z.array(z.string()).min(1) })
const byOnly = z.strictObject({ by })
const withId = z.object({ id: z.string() })
const withGroup = z.object({ id: z.string(), group: z.string() })

export function communityRoutes(api: FastifyInstance, parts: ControlParts): void {
  const communityOf = (id: string) => {
    const group = groupOf(parts, id)
    if (group.community === undefined) throw new ControlError(404, `${id} is no community`)
    return group
  }

  api.post('/communities', async (request, reply) => {
    const { by: number, subject, description, participants, openToNewGroups, requestsByDefault } = newCommunity.parse(request.body)
    const asked = node('create', { subject }, [
      ...participants.map((jid) => node('participant', { jid })),
      node('description', { id: 'FIRST' }, [node('body', {}, Buffer.from(description))]),
      node('parent', { default_membership_approval_mode: requestsByDefault ? 'request_required' : undefined }),
      ...(openToNewGroups ? [node('allow_non_admin_sub_group_creation')] : []),
    ])
    const answer = await askAboutGroups(actor(parts, number), ALL_GROUPS, 'set', asked)
    return reply.status(201).send(describeGroup(groupOf(parts, childOf(answer, 'group')?.attrs.id ?? '')))
  })

  api.get('/communities', async () =>
    [...parts.services.groups.all()].filter(({ community }) => community !== undefined).map(describeGroup),
  )

  api.get('/communities/:id', async (request) => describeGroup(communityOf(withId.parse(request.params).id)))

  api.post('/communities/:id/groups', async (request) => {
    const parent = communityOf(withId.parse(request.params).id)
    const { by: number, groups } = linking.parse(request.body)
    const links = groups.map((jid) => node('group', { jid }))
    const asked = node('links', {}, [node('link', { link_type: 'sub_group' }, links)])
    const answer = await askAboutGroups(actor(parts, number), parent.jid, 'set', asked)
    const answered = childrenNamed(childOf(childOf(answer, 'links'), 'link'), 'group')
    return { groups: answered.map(({ attrs: { jid, error } }) => ({ id: jid, ...(error !== undefined && { error: Number(error) }) })) }
  })

  api.delete('/communities/:id/groups/:group', async (request, reply) => {
    const { id, group } = withGroup.parse(request.params)
    const parent = communityOf(id)
    const asked = node('unlink', { unlink_type: 'sub_group' }, [node('group', { jid: groupOf(parts, group).jid })])
    const answer = await askAboutGroups(actor(parts, byOnly.parse(request.query).by), parent.jid, 'set', asked)
    const { error } = childOf(childOf(answer, 'unlink'), 'group')?.attrs ?? {}
    if (error !== undefined) throw new ControlError(409, error)
    return reply.status(204).send()
  })

  /** Ends the community; its groups go on without it. */
  api.delete('/communities/:id', async (request, reply) => {
    const parent = communityOf(withId.parse(request.params).id)
    await askAboutGroups(actor(parts, byOnly.parse(request.query).by), parent.jid, 'set', node('delete_parent'))
    return reply.status(204).send()
  })
}
