/** Who may see and do what: `GET` and `POST /api/profile/privacy`, `GET /api/profile/getPrivacy`. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { EngineSession } from '../whatsapp/engine.ts'
import type { PrivacyCategory } from '../whatsapp/profile.ts'
import { connectionErrors, refusalOf } from './refusals.ts'

const seenBy = z.enum(['all', 'contacts', 'contact_blacklist', 'none'])

const settings = z.object({
  visibility: z.object({ lastSeen: seenBy, status: seenBy, profile: seenBy, online: z.enum(['all', 'match_last_seen']) }),
  privacy: z.object({ readReceipts: z.enum(['all', 'none']) }),
  permissions: z.object({ callAdd: z.enum(['all', 'known']), groupAdd: z.enum(['all', 'contacts', 'contact_blacklist']) }),
})

const { visibility, privacy, permissions } = settings.shape
const change = z.object({
  visibility: visibility.partial().nullish(),
  privacy: privacy.partial().nullish(),
  permissions: permissions.partial().nullish(),
})

/** In the order they are applied. */
const fields: readonly { category: PrivacyCategory; name: string; of(body: z.infer<typeof change>): string | undefined }[] = [
  { category: 'last', name: 'visibility.lastSeen', of: (body) => body.visibility?.lastSeen },
  { category: 'status', name: 'visibility.status', of: (body) => body.visibility?.status },
  { category: 'profile', name: 'visibility.profile', of: (body) => body.visibility?.profile },
  { category: 'online', name: 'visibility.online', of: (body) => body.visibility?.online },
  { category: 'readreceipts', name: 'privacy.readReceipts', of: (body) => body.privacy?.readReceipts },
  { category: 'calladd', name: 'permissions.callAdd', of: (body) => body.permissions?.callAdd },
  { category: 'groupadd', name: 'permissions.groupAdd', of: (body) => body.permissions?.groupAdd },
]

const texts = {
  none: 'At least one field must be provided',
  read: 'Failed to get privacy settings',
  change: 'Failed to update privacy settings',
}

interface Collaborators {
  session(instanceId: string): EngineSession
}

export const privacyOperations = ({ session }: Collaborators): Operation[] => {
  const read = async (instanceId: string, failed: string, changed: readonly string[] = []) => {
    const told = await session(instanceId)
      .profile.privacy()
      .catch((error: unknown) => {
        throw refusalOf(error, failed, changed)
      })
    const value = (category: PrivacyCategory) => told[category] ?? 'all'
    return {
      visibility: { lastSeen: value('last'), status: value('status'), profile: value('profile'), online: value('online') },
      privacy: { readReceipts: value('readreceipts') },
      permissions: { callAdd: value('calladd'), groupAdd: value('groupadd') },
    }
  }

  const route = { token: 'any', rateLimit: 'global', tag: 'Profile' } as const
  // WhatsApp may know values that the contract does not.
  const told = z.object({
    visibility: z.object({ lastSeen: z.string(), status: z.string(), profile: z.string(), online: z.string() }),
    privacy: z.object({ readReceipts: z.string() }),
    permissions: z.object({ callAdd: z.string(), groupAdd: z.string() }),
  })
  const answers = { 200: z.object({ success: z.literal(true), message: z.string(), settings: told }) }

  const readOperation = (id: string, path: `/api/profile/${string}/:instance`): Operation =>
    instanceOperation({
      ...route,
      id,
      needs: ['privacy'],
      method: 'GET',
      path,
      summary: 'Read the privacy settings',
      description: 'Asked of WhatsApp at this moment.',
      answers,
      errors: [{ status: 500, message: `${texts.read}: <reason>` }, ...connectionErrors],
      handle: async ({ scope }) => ({
        status: 200,
        body: { success: true, message: 'Privacy settings retrieved successfully', settings: await read(scope.instance.id, texts.read) },
      }),
    })

  return [
    readOperation('profile.readPrivacy', '/api/profile/getPrivacy/:instance'),
    readOperation('profile.readPrivacyAlias', '/api/profile/privacy/:instance'),
    instanceOperation({
      ...route,
      id: 'profile.updatePrivacy',
      needs: ['privacy'],
      method: 'POST',
      once: false,
      path: '/api/profile/privacy/:instance',
      summary: 'Change privacy settings',
      description:
        'One after another, in the order of the body below; when one fails, those before it stay changed, and the 500 names them. ' +
        'Answers with all of them as they are then.',
      body: change,
      answers,
      errors: [
        { status: 400, message: texts.none },
        { status: 500, message: `${texts.change}: <reason>` },
        { status: 500, message: `${texts.change}: <reason>; changed: <fields>` },
        ...connectionErrors,
      ],
      async handle({ scope: { instance }, body }) {
        const wanted = fields.flatMap(({ category, name, of }) => {
          const value = of(body)
          return value === undefined ? [] : [{ category, name, value }]
        })
        if (wanted.length === 0) throw new ApiError(400, texts.none)
        const { profile } = session(instance.id)
        const changed: string[] = []
        for (const { category, name, value } of wanted) {
          await profile.setPrivacy(category, value).catch((error: unknown) => {
            throw refusalOf(error, texts.change, changed)
          })
          changed.push(name)
        }
        const now = await read(instance.id, texts.change, changed)
        return { status: 200, body: { success: true, message: 'Privacy settings updated successfully', settings: now } }
      },
    }),
  ]
}
