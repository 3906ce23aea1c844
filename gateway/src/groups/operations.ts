/** The nine group routes (groups-channels-integrations.md §2, decisions.md §5). */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { longText } from '../http/long-value.ts'
import { type ErrorAnswer, instanceOperation, type Operation, required, requiredString } from '../http/operation.ts'
import { parseJid } from '../whatsapp/jid.ts'
import type { createGroupWriting } from './create-update.ts'
import { updating } from './create-update.ts'
import { type createMembership, joining, leaving, managing, resetting, viewing } from './members.ts'
import { outcome } from './outcomes.ts'
import type { createGroupReading } from './reading.ts'
import { groupDetail, groupInfo, groupSettings, listedGroup } from './views.ts'

type Parts = ReturnType<typeof createGroupWriting> & ReturnType<typeof createGroupReading> & ReturnType<typeof createMembership>

const common = { token: 'any', rateLimit: 'global', tag: 'Groups', needs: ['groups'] } as const

const success = { success: z.literal(true), message: z.string() }
const identifier = requiredString('Identifier is required').meta({
  description: 'Group JID, invite code, or `https://chat.whatsapp.com/<code>`.',
  example: '120363000000000101@g.us',
})
const inviteIdentifier = requiredString('Identifier is required').meta({
  description: 'Invite code, or `https://chat.whatsapp.com/<code>`.',
  example: 'KxQ7abcDEF012345678901',
})
const yesOrNo = z.enum(['true', 'false', '1', '0'])
const isNo = (value: z.infer<typeof yesOrNo> | undefined): boolean => value === 'false' || value === '0'

const NAME_LIMIT = 100
const DESCRIPTION_LIMIT = 2048
/** WhatsApp's own limit of a group. */
const PEOPLE_LIMIT = 1024

const nameTooLong = `Group name must be at most ${NAME_LIMIT} characters`
const descriptionTooLong = `Group description must be at most ${DESCRIPTION_LIMIT} characters`
const noPeople = 'At least one participant is required'
const nothingToUpdate = 'At least one field must be provided'

const name = z
  .string(required('Name is required'))
  .trim()
  .min(1, 'Name is required')
  .refine((text) => [...text].length <= NAME_LIMIT, nameTooLong)
  .meta({ example: 'Blue team' })
const description = z
  .string()
  .trim()
  .refine((text) => [...text].length <= DESCRIPTION_LIMIT, descriptionTooLong)
const image = longText().nullish().meta({ description: 'URL, `data:` URL or base64 of a picture.' })
const settings = groupSettings.partial()
const people = z
  .array(z.string(), required(noPeople))
  .min(1, noPeople)
  .max(PEOPLE_LIMIT)
  .meta({ description: 'Numbers, JIDs or LIDs.', example: ['5571900000002'] })

const notConnected: ErrorAnswer = { status: 400, message: 'Instance is not connected to WhatsApp' }
const noIdentifier: ErrorAnswer = { status: 400, message: 'Identifier is required' }
const notAMember: ErrorAnswer = { status: 404, message: 'Group not found or you are not a member of this group' }
const limited: ErrorAnswer = { status: 429, message: 'WhatsApp rate limit reached. Try again later.' }
const failed = (what: string): ErrorAnswer => ({ status: 500, message: `${what}: <reason>` })

export const groupOperations = (parts: Parts): Operation[] => [
  instanceOperation({
    ...common,
    id: 'group.create',
    method: 'POST',
    path: '/api/group/create/:instance',
    summary: 'Create a group',
    description:
      'Description, picture and settings are set once the group exists; what fails then is told in `descriptionError`, `imageError` and `settingsError`, and people who could not be added in `failedParticipants`.',
    longValues: true,
    once: 'unrepeatable',
    body: z.object({
      name,
      participants: people,
      description: description.nullish(),
      image,
      communityJid: z.string().trim().nullish().meta({ description: 'The group is born in this community.' }),
      groupSettings: settings.nullish(),
    }),
    answers: {
      201: z.object({
        ...success,
        group: groupInfo,
        failedParticipants: z.array(outcome).optional(),
        descriptionError: z.string().optional(),
        imageError: z.string().optional(),
        settingsError: z.string().optional(),
      }),
    },
    errors: [
      { status: 400, message: 'Name is required' },
      { status: 400, message: nameTooLong },
      { status: 400, message: descriptionTooLong },
      { status: 400, message: noPeople },
      { status: 400, message: 'Invalid participant: <value>' },
      { status: 400, message: 'Number <digits> is not registered on WhatsApp' },
      { status: 400, message: 'Invalid community JID' },
      notConnected,
      { status: 403, message: 'Not authorized to create a group in this community (must be admin)' },
      { status: 404, message: 'Community not found' },
      limited,
      failed('Failed to create group'),
    ],
    async handle({ scope, body }) {
      const communityJid = body.communityJid || undefined
      if (communityJid !== undefined && parseJid(communityJid)?.server !== 'g.us') throw new ApiError(400, 'Invalid community JID')
      const created = await parts.create(scope.instance, {
        name: body.name,
        participants: body.participants,
        description: body.description || undefined,
        image: body.image ? { url: body.image } : undefined,
        groupSettings: body.groupSettings ?? undefined,
        communityJid,
      })
      return { status: 201, body: { success: true, message: 'Group created successfully', ...created } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.list',
    method: 'GET',
    path: '/api/group/list/:instance',
    summary: 'List the groups the account is in',
    query: z.object({ includeMembers: yesOrNo.optional().meta({ description: 'Default true.' }) }),
    answers: { 200: z.object({ ...success, groups: z.array(listedGroup), meta: z.object({ total: z.int() }) }) },
    errors: [notConnected, limited, failed('Failed to list groups')],
    async handle({ scope, query }) {
      const groups = await parts.list(scope.instance, !isNo(query.includeMembers))
      const message = `${groups.length} groups found`
      return { status: 200, body: { success: true, message, groups, meta: { total: groups.length } } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.info',
    method: 'GET',
    path: '/api/group/info/:instance',
    summary: 'Read a group',
    description:
      'By link or code also of groups the account is not in: those are shown as WhatsApp shows them to strangers, without members.',
    query: z.object({ identifier, participants: yesOrNo.optional().meta({ description: 'Default true.' }) }),
    answers: { 200: z.object({ ...success, group: groupDetail }) },
    errors: [noIdentifier, notConnected, notAMember, limited, failed('Failed to get group info')],
    async handle({ scope, query }) {
      const group = await parts.info(scope.instance, query.identifier, !isNo(query.participants))
      return { status: 200, body: { success: true, message: 'Group info retrieved successfully', group } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.update',
    method: 'PUT',
    path: '/api/group/update/:instance',
    summary: 'Change name, description, picture or settings of a group',
    description:
      'An empty `description` removes it; `removeImage` removes the picture and wins over `image`. When only some of the changes succeed, the answer is a success that lists those, and `errors` has the rest.',
    longValues: true,
    body: z.object({
      identifier,
      name: name.optional(),
      description: description.optional(),
      image,
      removeImage: z.boolean().optional(),
      groupSettings: settings.optional(),
    }),
    answers: { 200: z.object({ ...success, group: groupInfo, errors: z.record(z.string(), z.string()).optional() }) },
    errors: [
      noIdentifier,
      { status: 400, message: nothingToUpdate },
      { status: 400, message: nameTooLong },
      { status: 400, message: descriptionTooLong },
      { status: 400, message: 'Failed to download media: <reason>' },
      { status: 400, message: 'Failed to process media: <reason>' },
      notConnected,
      { status: 403, message: updating.forbidden },
      notAMember,
      limited,
      failed(updating.failed),
    ],
    async handle({ scope, body }) {
      const wanted = {
        name: body.name,
        description: body.description,
        image: body.removeImage ? null : body.image ? { url: body.image } : undefined,
        groupSettings: Object.values(body.groupSettings ?? {}).some((value) => value !== undefined) ? body.groupSettings : undefined,
      }
      if (Object.values(wanted).every((value) => value === undefined)) throw new ApiError(400, nothingToUpdate)
      const { changed, ...answer } = await parts.update(scope.instance, body.identifier, wanted)
      return { status: 200, body: { success: true, message: `Group updated successfully: ${changed.join(', ')}`, ...answer } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.participants',
    method: 'POST',
    once: 'resumed',
    path: '/api/group/participants/:instance',
    summary: 'Add, remove, promote, demote, approve or reject people',
    description:
      'Answers 200 with a result per person. Whoever cannot be added because of privacy settings has an `invite` in the result; with `sendInvite` it is sent to them.',
    body: z.object({
      identifier,
      action: requiredString('Action is required').meta({ enum: ['add', 'remove', 'promote', 'demote', 'approve', 'reject'] }),
      participants: people,
      sendInvite: z.boolean().nullish(),
    }),
    answers: { 200: z.object({ ...success, groupJid: z.string(), action: z.string(), participants: z.array(outcome) }) },
    errors: [
      noIdentifier,
      { status: 400, message: 'Action is required' },
      { status: 400, message: 'Invalid action: <value>' },
      { status: 400, message: noPeople },
      { status: 400, message: 'Invalid participant: <value>' },
      notConnected,
      { status: 403, message: managing.forbidden },
      notAMember,
      limited,
      failed(managing.failed),
    ],
    async handle({ scope, body, seed }) {
      const action = actions.find((known) => known === body.action)
      if (action === undefined) throw new ApiError(400, `Invalid action: ${body.action.slice(0, 100)}`)
      const changed = await parts.change(scope.instance, { ...body, action, sendInvite: body.sendInvite ?? false, seed })
      return { status: 200, body: { success: true, message: 'Participants updated', action, ...changed } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.join',
    method: 'POST',
    once: false,
    path: '/api/group/join/:instance',
    summary: 'Join a group by code or link',
    body: z.object({ identifier: inviteIdentifier }),
    answers: { 200: z.object({ ...success, groupJid: z.string(), requiresApproval: z.boolean() }) },
    errors: [
      noIdentifier,
      { status: 400, message: 'Invalid invite link or code' },
      { status: 400, message: 'Invite link has been revoked or expired' },
      notConnected,
      { status: 403, message: joining.forbidden },
      { status: 404, message: 'Group not found' },
      limited,
      failed(joining.failed),
    ],
    async handle({ scope, body }) {
      const { jid: groupJid, requiresApproval } = await parts.join(scope.instance, body.identifier)
      const message = requiresApproval ? 'Join request sent, waiting for approval' : 'Successfully joined the group'
      return { status: 200, body: { success: true, message, groupJid, requiresApproval } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.resetLink',
    method: 'POST',
    once: 'resumed',
    path: '/api/group/resetLink/:instance',
    summary: 'Renew the invite link of a group',
    description: 'The old link is dead at once.',
    body: z.object({ identifier }),
    answers: { 200: z.object({ ...success, groupJid: z.string(), inviteCode: z.string(), inviteLink: z.string() }) },
    errors: [noIdentifier, notConnected, { status: 403, message: resetting.forbidden }, notAMember, limited, failed(resetting.failed)],
    async handle({ scope, body }) {
      const renewed = await parts.resetLink(scope.instance, body.identifier)
      return { status: 200, body: { success: true, message: 'Group invite link reset successfully', ...renewed } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.requests',
    method: 'GET',
    path: '/api/group/requests/:instance',
    summary: 'List who waits to be let into a group',
    query: z.object({ identifier }),
    answers: {
      200: z.object({
        ...success,
        groupJid: z.string(),
        requests: z.array(z.object({ jid: z.string(), phoneNumber: z.string().nullable(), requestedAt: z.string().nullable() })),
        meta: z.object({ total: z.int() }),
      }),
    },
    errors: [noIdentifier, notConnected, { status: 403, message: viewing.forbidden }, notAMember, limited, failed(viewing.failed)],
    async handle({ scope, query }) {
      const found = await parts.requests(scope.instance, query.identifier)
      const total = found.requests.length
      return { status: 200, body: { success: true, message: `${total} pending requests found`, ...found, meta: { total } } }
    },
  }),
  instanceOperation({
    ...common,
    id: 'group.leave',
    method: 'DELETE',
    path: '/api/group/leave/:instance',
    summary: 'Leave a group',
    query: z.object({ identifier }),
    answers: { 200: z.object({ ...success, groupJid: z.string() }) },
    errors: [noIdentifier, notConnected, { status: 403, message: leaving.forbidden }, notAMember, limited, failed(leaving.failed)],
    async handle({ scope, query }) {
      const left = await parts.leave(scope.instance, query.identifier)
      return { status: 200, body: { success: true, message: 'Successfully left the group', ...left } }
    },
  }),
]

const actions = ['add', 'remove', 'promote', 'demote', 'approve', 'reject'] as const
