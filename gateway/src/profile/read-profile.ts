/** `GET /api/profile/getAccount`: what an account shows of itself, the own one or somebody else's. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { Address, EngineSession } from '../whatsapp/engine.ts'
import { isLid, isUserJid } from '../whatsapp/jid.ts'
import { connectionErrors } from './refusals.ts'

const nobody = 'Invalid number'

interface Collaborators {
  session(instanceId: string): EngineSession
  self(instanceId: string): Address
  find(instanceId: string, number: string): Promise<Address>
  personOf(instanceId: string, address: Address): Promise<{ jid: string | null; lid: string | null; name: string | null }>
}

export const readProfileOperation = ({ session, self, find, personOf }: Collaborators): Operation =>
  instanceOperation({
    id: 'profile.read',
    needs: ['profile'],
    method: 'GET',
    path: '/api/profile/getAccount/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Profile',
    summary: 'The profile of the account, or of a number',
    description:
      'The address of the picture is valid for a while only; `null` when there is none, it is not for us, or WhatsApp did not answer. ' +
      'The same goes for `business`, what a business says about itself.',
    query: z.object({
      number: z.string().optional().meta({ example: '34600111222', description: 'Number or JID; default: the own account' }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        profile: z.object({
          profilePicture: z.string().nullable(),
          profileName: z.string().optional(),
          profileStatus: z.string().optional(),
          phoneNumber: z.string().optional(),
          jid: z.string().optional(),
          lid: z.string().optional(),
          business: z
            .object({
              description: z.string().nullable(),
              category: z.string().nullable(),
              address: z.string().nullable(),
              email: z.string().nullable(),
              websites: z.array(z.string()),
            })
            .nullable(),
        }),
      }),
    },
    errors: [
      { status: 400, message: nobody },
      { status: 400, message: 'Number <digits> is not registered on WhatsApp' },
      ...connectionErrors,
    ],
    async handle({ scope, query }) {
      const { id } = scope.instance
      const open = session(id)
      const asked = query.number?.trim() ? await find(id, query.number) : self(id)
      if (!isUserJid(asked.jid ?? '') && !isLid(asked.lid ?? '')) throw new ApiError(400, nobody)
      // What WhatsApp does not tell is left out; the rest is worth having.
      const [picture, about, business, person] = await Promise.all([
        open.profilePicture(asked).catch(() => null),
        open.profile.about(asked).catch(() => null),
        open.profile.business(asked).catch(() => null),
        personOf(id, asked),
      ])
      const { jid, lid, name } = person
      const profile = {
        profilePicture: picture,
        ...(name ? { profileName: name } : {}),
        ...(about ? { profileStatus: about } : {}),
        ...(jid ? { phoneNumber: jid.split('@')[0] ?? '', jid } : {}),
        ...(lid ? { lid } : {}),
        business: business && { ...business, websites: [...business.websites] },
      }
      return { status: 200, body: { success: true, message: 'Profile retrieved successfully', profile } }
    },
  })
