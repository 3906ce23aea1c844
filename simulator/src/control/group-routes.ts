/** Groups as people operate them on their phones, and as they stand. What a person may not do is refused with WhatsApp's own code. */
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Group } from '../groups/group.ts'
import { type Person, requireOnline } from '../phones.ts'
import { childOf, node } from '../wire/nodes.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { address } from './path-parameters.ts'

const GROUPS = '@g.us'
const byWhom = z.string().describe('number of the phone that does it')
const newGroup = z.strictObject({
  by: byWhom,
  subject: z.string(),
  participants: z.array(address).default([]),
  description: z.string().optional(),
  addressing: z.enum(['lid', 'pn']).default('lid'),
  announcement: z.boolean().default(false),
  locked: z.boolean().default(false),
  memberAddMode: z.enum(['admin_add', 'all_member_add']).optional(),
  joinApproval: z.boolean().default(false),
  ephemeral: z.number().int().min(0).default(0),
})
const withId = z.object({ id: z.string() })

export function groupRoutes(api: FastifyInstance, parts: ControlParts): void {
  const { services } = parts
  api.post('/groups', async (request, reply) => {
    const { by, subject, participants, description, addressing, ...settings } = newGroup.parse(request.body)
    const answer = await actor(parts, by).phone.ask(
      node('iq', { to: GROUPS, type: 'set', xmlns: 'w:g2' }, [
        node('create', { subject, addressing_mode: addressing }, [
          ...participants.map((jid) => node('participant', { jid })),
          ...(description ? [node('description', { id: 'FIRST' }, [node('body', {}, Buffer.from(description))])] : []),
          ...(settings.announcement ? [node('announcement')] : []),
          ...(settings.locked ? [node('locked')] : []),
          ...(settings.memberAddMode ? [node('member_add_mode', {}, Buffer.from(settings.memberAddMode))] : []),
          ...(settings.joinApproval ? [node('membership_approval_mode', {}, [node('group_join', { state: 'on' })])] : []),
          ...(settings.ephemeral > 0 ? [node('ephemeral', { expiration: String(settings.ephemeral) })] : []),
        ]),
      ]),
    )
    return reply.status(201).send(describeGroup(groupOf(parts, childOf(answer, 'group')?.attrs.id ?? '')))
  })

  api.get('/groups', async () => [...services.groups.all()].map(describeGroup))

  api.get('/groups/:id', async (request) => describeGroup(groupOf(parts, withId.parse(request.params).id)))
}

/** The person who does something. Throws a 404, or a 409 when the phone is offline. */
export function actor({ phones }: ControlParts, number: string): Person {
  const person = phones.byNumber(number)
  if (person === undefined) throw new ControlError(404, `there is no phone ${number}`)
  requireOnline(person)
  return person
}

/** The group of an id, with or without `@g.us`. Throws a 404. */
export function groupOf({ services }: ControlParts, id: string): Group {
  const group = services.groups.find(id.includes('@') ? id : `${id}@g.us`)
  if (group === undefined) throw new ControlError(404, `there is no group ${id}`)
  return group
}

export function describeGroup(group: Group) {
  const { subject, description, members } = group
  return {
    id: group.jid,
    addressing: group.addressing,
    subject: subject.text,
    description: description === undefined ? null : { id: description.id, text: description.text },
    creator: group.creator.jid,
    createdAt: group.createdAt,
    members: [...members].map(([{ jid, lid, name }, role]) => ({ jid, lid, name, role })),
    announcement: group.announcement,
    locked: group.locked,
    memberAddMode: group.memberAddMode,
    joinApproval: group.joinApproval,
    ephemeral: group.ephemeral,
    inviteCode: group.inviteCode,
    picture: group.picture === undefined ? null : { id: group.picture.id, base64: group.picture.bytes.toString('base64') },
  }
}
