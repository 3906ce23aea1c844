/** Groups as people operate them on their phones, and as they stand. What a person may not do is refused with WhatsApp's own code. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type BinaryNode, childOf, node, SERVER_JID } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { ALL_GROUPS, actor, askAboutGroups, describeGroup, groupOf } from './group-views.ts'
import { address, personOf } from './path-parameters.ts'

const by = z.string()
const memberAddMode = z.enum(['admin_add', 'all_member_add'])
const newGroup = z.strictObject({
  by,
  subject: z.string(),
  participants: z.array(address).default([]),
  description: z.string().optional(),
  addressing: z.enum(['lid', 'pn']).default('lid'),
  announcement: z.boolean().default(false),
  locked: z.boolean().default(false),
  memberAddMode: memberAddMode.optional(),
  joinApproval: z.boolean().default(false),
  ephemeral: z.number().int().min(0).default(0),
  /** Makes it one of this community's groups. */
  community: z.string().optional(),
})
const change = z.strictObject({
  by,
  subject: z.string().optional(),
  /** Empty takes it away. */
  description: z.string().optional(),
  announcement: z.boolean().optional(),
  locked: z.boolean().optional(),
  memberAddMode: memberAddMode.optional(),
  joinApproval: z.boolean().optional(),
  ephemeral: z.number().int().min(0).optional(),
  /** Base64; null takes it away. */
  picture: z.base64().nullable().optional(),
})
const barring = z.strictObject({ barred: z.array(address) })
const addressing = z.strictObject({ addressing: z.enum(['lid', 'pn']) })
const withId = z.object({ id: z.string() })

export function groupRoutes(api: FastifyInstance, parts: ControlParts): void {
  const { services, phones } = parts

  api.post('/groups', async (request, reply) => {
    const wanted = newGroup.parse(request.body)
    const answer = await askAboutGroups(actor(parts, wanted.by), ALL_GROUPS, 'set', creation(wanted))
    return reply.status(201).send(describeGroup(groupOf(parts, childOf(answer, 'group')?.attrs.id ?? '')))
  })

  api.get('/groups', async () => [...services.groups.all()].map(describeGroup))

  api.get('/groups/:id', async (request) => describeGroup(groupOf(parts, withId.parse(request.params).id)))

  api.get('/phones/:number/groups', async (request) =>
    services.groups.of(personOf(phones, request.params).account).map((group) => describeGroup(group)),
  )

  /** One request after the other, as a person would tap; the first refusal ends it. */
  api.patch('/groups/:id', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    const { by: number, picture, ...wanted } = change.parse(request.body)
    const person = actor(parts, number)
    for (const child of changes(wanted, group.description?.id)) await askAboutGroups(person, group.jid, 'set', child)
    if (picture !== undefined) {
      const content = picture === null ? [] : [node('picture', { type: 'image' }, Buffer.from(picture, 'base64'))]
      await person.phone.ask(node('iq', { to: SERVER_JID, target: group.jid, type: 'set', xmlns: 'w:profile:picture' }, content))
    }
    return describeGroup(group)
  })

  /** What WhatsApp does to it. */
  api.put('/groups/:id/addressing', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    group.addressing = addressing.parse(request.body).addressing
    return describeGroup(group)
  })

  /** People the network turns away when they come by link. */
  api.put('/groups/:id/barred', async (request) => {
    const group = groupOf(parts, withId.parse(request.params).id)
    const people = barring.parse(request.body).barred.map((jid) => {
      const account = services.directory.resolve(jid)?.account
      if (account === undefined) throw new ControlError(404, `${jid} is not on this network`)
      return account
    })
    group.barred.clear()
    for (const account of people) group.barred.add(account)
    return describeGroup(group)
  })
}

function creation(wanted: z.infer<typeof newGroup>): BinaryNode {
  const { subject, participants, description, addressing, community } = wanted
  return node('create', { subject, addressing_mode: addressing }, [
    ...participants.map((jid) => node('participant', { jid })),
    ...(description ? [node('description', { id: 'FIRST' }, [node('body', {}, Buffer.from(description))])] : []),
    ...(wanted.announcement ? [node('announcement')] : []),
    ...(wanted.locked ? [node('locked')] : []),
    ...(wanted.memberAddMode ? [node('member_add_mode', {}, Buffer.from(wanted.memberAddMode))] : []),
    ...(wanted.joinApproval ? [approvalMode('on')] : []),
    ...(wanted.ephemeral > 0 ? [node('ephemeral', { expiration: String(wanted.ephemeral) })] : []),
    ...(community === undefined ? [] : [node('linked_parent', { jid: community })]),
  ])
}

function changes(wanted: Omit<z.infer<typeof change>, 'by' | 'picture'>, prev: string | undefined): BinaryNode[] {
  const { subject, description, announcement, locked, memberAddMode: mode, joinApproval, ephemeral } = wanted
  const nodes: BinaryNode[] = []
  if (subject !== undefined) nodes.push(node('subject', {}, Buffer.from(subject)))
  if (description === '') nodes.push(node('description', { delete: 'true', prev }))
  else if (description !== undefined) {
    const id = `D${Date.now().toString(16).toUpperCase()}`
    nodes.push(node('description', { id, prev }, [node('body', {}, Buffer.from(description))]))
  }
  if (announcement !== undefined) nodes.push(node(announcement ? 'announcement' : 'not_announcement'))
  if (locked !== undefined) nodes.push(node(locked ? 'locked' : 'unlocked'))
  if (mode !== undefined) nodes.push(node('member_add_mode', {}, Buffer.from(mode)))
  if (joinApproval !== undefined) nodes.push(approvalMode(joinApproval ? 'on' : 'off'))
  if (ephemeral !== undefined) nodes.push(ephemeral === 0 ? node('not_ephemeral') : node('ephemeral', { expiration: String(ephemeral) }))
  return nodes
}

const approvalMode = (state: 'on' | 'off') => node('membership_approval_mode', {}, [node('group_join', { state })])
