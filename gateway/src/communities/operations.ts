/** The four community routes (groups-channels-integrations.md §3.1–3.4). */
import { z } from 'zod'
import type { GroupInstances } from '../groups/access.ts'
import { sessionOf } from '../groups/access.ts'
import { type RefusalTexts, refusalOf } from '../groups/refusals.ts'
import { groupInfo } from '../groups/views.ts'
import { ApiError } from '../http/errors.ts'
import { longText } from '../http/long-value.ts'
import { type ErrorAnswer, instanceOperation, type Operation, required, requiredString } from '../http/operation.ts'
import { notACommunityJid, parseCommunityJid } from './community-jid.ts'
import { type createCreating, creating } from './creating.ts'
import { type LinkAction, linkGroups } from './linking.ts'

const common = { token: 'any', rateLimit: 'global', tag: 'Communities', needs: ['groups', 'communities'] } as const

const NAME_LIMIT = 25
const DESCRIPTION_LIMIT = 2048
/** WhatsApp's own limit of a community. */
const GROUPS_LIMIT = 100

const nameTooLong = `Community name must be at most ${NAME_LIMIT} characters`
const descriptionTooLong = `Community description must be at most ${DESCRIPTION_LIMIT} characters`
const noCommunity = 'community jid is required'
const noGroups = 'group jid is required'
const noCommunityInQuery = 'communityJid query parameter is required'
const created = 'Community created successfully'
const fellBack = 'WhatsApp refused to create a community: a regular group was created instead'

const listing: RefusalTexts = { forbidden: 'Not authorized to list groups', failed: 'failed to get groups' }

const refused = (message: string): ErrorAnswer => ({ status: 400, message })
const shared: ErrorAnswer[] = [
  refused('Instance is not connected to WhatsApp'),
  { status: 429, message: 'WhatsApp rate limit reached. Try again later.' },
]

const communityJid = requiredString(noCommunity).meta({ description: 'JID of the community.', example: '120363000000000200@g.us' })
const groupJids = z
  .array(z.string(), required(noGroups))
  .min(1, noGroups)
  .max(GROUPS_LIMIT)
  .meta({ description: 'JIDs of groups.', example: ['120363000000000202@g.us'] })

interface Parts extends ReturnType<typeof createCreating> {
  instances: GroupInstances
}

export const communityOperations = ({ instances, create }: Parts): Operation[] => [
  instanceOperation({
    ...common,
    id: 'community.create',
    method: 'POST',
    path: '/api/community/create/:instance',
    summary: 'Create a community',
    description:
      'WhatsApp makes its announcement group by itself: `announcementGroupJid`. A picture or groups that fail do not stop it. An account that WhatsApp lets have no community gets a regular group, with `isCommunity: false`.',
    longValues: true,
    once: 'unrepeatable',
    body: z.object({
      name: z
        .string(required('Name is required'))
        .trim()
        .min(1, 'Name is required')
        .refine((text) => [...text].length <= NAME_LIMIT, nameTooLong)
        .meta({ example: 'Neighbours' }),
      description: z
        .string()
        .trim()
        .refine((text) => [...text].length <= DESCRIPTION_LIMIT, descriptionTooLong)
        .nullish(),
      image: longText().nullish().meta({ description: 'URL, `data:` URL or base64 of a picture.' }),
      groupJid: z
        .array(z.string())
        .max(GROUPS_LIMIT)
        .nullish()
        .meta({ description: 'Groups to link, one second apart.', example: ['120363000000000202@g.us'] }),
      membershipApprovalMode: z
        .string()
        .nullish()
        .meta({ enum: ['request_required', ''], description: '`request_required`: groups made in it let people in by request.' }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        group: groupInfo,
        isCommunity: z.boolean(),
        announcementGroupJid: z.string().nullable(),
        linkedGroups: z.array(z.string()),
        failedGroups: z.array(z.string()),
        groupErrors: z.record(z.string(), z.string()).optional(),
        imageError: z.string().optional(),
      }),
    },
    errors: [
      ...['Name is required', nameTooLong, descriptionTooLong, 'Invalid membershipApprovalMode: <value>'].map(refused),
      ...shared,
      { status: 403, message: creating.forbidden },
      { status: 500, message: `${creating.failed}: <reason>` },
    ],
    async handle({ scope: { instance }, body }) {
      const mode = body.membershipApprovalMode?.trim() ?? ''
      if (mode !== '' && mode !== 'request_required') throw new ApiError(400, `Invalid membershipApprovalMode: ${mode.slice(0, 100)}`)
      const made = await create(instance, {
        name: body.name,
        description: body.description ?? '',
        image: body.image ? { url: body.image } : null,
        groups: body.groupJid ?? [],
        requestsByDefault: mode !== '',
      })
      return { status: 200, body: { success: true, message: made.isCommunity ? created : fellBack, ...made } }
    },
  }),
  linkOperation(instances, 'link'),
  linkOperation(instances, 'unlink'),
  instanceOperation({
    ...common,
    id: 'community.listSubGroups',
    method: 'GET',
    path: '/api/community/listSubGroups/:instance',
    summary: 'List the groups of a community',
    description: 'Those the account is in; `isDefaultSubGroup` marks the announcement group.',
    query: z.object({
      communityJid: requiredString(noCommunityInQuery).meta({
        description: 'JID of the community; `@g.us` may be left out.',
        example: '120363000000000200@g.us',
      }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        communityJid: z.string(),
        subgroups: z.array(z.object({ jid: z.string(), name: z.string(), isDefaultSubGroup: z.boolean() })),
      }),
    },
    errors: [
      ...[noCommunityInQuery, 'invalid community JID: <reason>'].map(refused),
      ...shared,
      { status: 500, message: `${listing.failed}: <reason>` },
    ],
    async handle({ scope: { instance }, query }) {
      const community = parseCommunityJid(query.communityJid)
      if (community === null) throw new ApiError(400, `invalid community JID: ${notACommunityJid(query.communityJid)}`)
      const all = await sessionOf(instances, instance.id)
        .groups.list({ members: false })
        .catch((error: unknown) => {
          throw refusalOf(error, listing)
        })
      const subgroups = all
        .filter((group) => group.community === community)
        .map(({ jid, name, isAnnouncementGroup: isDefaultSubGroup }) => ({ jid, name, isDefaultSubGroup }))
        .sort((one, other) => Number(other.isDefaultSubGroup) - Number(one.isDefaultSubGroup))
      const message = `${subgroups.length} subgroup(s) found`
      return { status: 200, body: { success: true, message, communityJid: community, subgroups } }
    },
  }),
]

const wording = {
  link: { summary: 'Link groups to a community', done: 'Linked', where: 'to community' },
  unlink: { summary: 'Take groups out of a community', done: 'Unlinked', where: 'from community' },
} as const

/** Both answer alike: `linked` are those it was done to. */
const linkOperation = (instances: GroupInstances, action: LinkAction): Operation => {
  const { summary, done, where } = wording[action]
  return instanceOperation({
    ...common,
    id: `community.${action}`,
    method: 'POST',
    once: false,
    path: `/api/community/${action}/:instance`,
    summary,
    description:
      'One second apart. `linked` are the groups it was done to, `failed` the others, with the reason for each in `errors`; `success` tells whether it was done to any.',
    body: z.object({ communityJid, groupJid: groupJids }),
    answers: {
      200: z.object({
        success: z.boolean(),
        message: z.string(),
        linked: z.array(z.string()),
        failed: z.array(z.string()),
        errors: z.record(z.string(), z.string()).optional(),
      }),
    },
    errors: [...[noCommunity, noGroups].map(refused), ...shared, { status: 500, message: 'error parse community jid: <reason>' }],
    async handle({ scope: { instance }, body }) {
      const community = parseCommunityJid(body.communityJid)
      if (community === null) throw new ApiError(500, `error parse community jid: ${notACommunityJid(body.communityJid)}`)
      const { linked, failed, errors } = await linkGroups(sessionOf(instances, instance.id), community, action, body.groupJid)
      const message = `${done} ${linked.length} of ${linked.length + failed.length} groups ${where}`
      const why = failed.length === 0 ? {} : { errors }
      return { status: 200, body: { success: linked.length > 0, message, linked, failed, ...why } }
    },
  })
}
