/** `POST /api/profile/account`: picture, name and about of the own account. */
import { z } from 'zod'
import { ApiError } from '../http/errors.ts'
import { LongValue, longText } from '../http/long-value.ts'
import { instanceOperation, type Operation } from '../http/operation.ts'
import type { MediaSource } from '../media/media.ts'
import type { EngineSession } from '../whatsapp/engine.ts'
import { connectionErrors, refusalOf } from './refusals.ts'

/** WhatsApp's own clients accept no more. */
const MAX_NAME = 25
const MAX_ABOUT = 139

const texts = {
  none: 'At least one field must be provided',
  emptyName: 'profileName must not be empty',
  longName: `profileName must have at most ${MAX_NAME} characters`,
  longAbout: `profileStatus must have at most ${MAX_ABOUT} characters`,
  failed: 'Failed to update profile',
}

type Field = 'profilePicture' | 'profileName' | 'profileStatus'

interface Collaborators {
  session(instanceId: string): EngineSession
  picture(source: MediaSource): Promise<Uint8Array>
}

export const updateProfileOperation = ({ session, picture }: Collaborators): Operation =>
  instanceOperation({
    id: 'profile.update',
    needs: ['profile'],
    method: 'POST',
    once: false,
    path: '/api/profile/account/:instance',
    token: 'any',
    rateLimit: 'global',
    tag: 'Profile',
    summary: 'Change picture, name and about',
    description:
      'What is not sent stays. An empty `profilePicture` takes the picture away. Picture, name and about are changed in this order; when one fails, ' +
      'those before it stay changed, and the 500 names them.',
    longValues: true,
    body: z.object({
      profilePicture: longText().nullish().meta({
        example: 'https://example.org/logo.png',
        description: 'Address, base64, `data:` URL or an uploaded file; becomes a JPEG of 640 × 640; `""` removes it',
      }),
      profileName: z
        .string()
        .nullish()
        .meta({ example: 'Ana R.', description: `Up to ${MAX_NAME} characters` }),
      profileStatus: z
        .string()
        .nullish()
        .meta({ example: 'Busy', description: `Up to ${MAX_ABOUT} characters; \`""\` empties it` }),
    }),
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        updatedFields: z.array(z.enum(['profilePicture', 'profileName', 'profileStatus'])),
      }),
    },
    errors: [
      ...[texts.none, texts.emptyName, texts.longName, texts.longAbout].map((message) => ({ status: 400, message })),
      { status: 400, message: 'Failed to download media: <reason>' },
      { status: 400, message: 'Failed to process media: <reason>' },
      { status: 409, message: 'The phone has not shared its settings yet. Try again later.' },
      { status: 409, message: 'Other devices of the account keep changing the same settings. Try again later.' },
      { status: 500, message: `${texts.failed}: <reason>` },
      { status: 500, message: `${texts.failed}: <reason>; changed: <fields>` },
      ...connectionErrors,
    ],
    async handle({ scope, body: { profilePicture, profileName, profileStatus } }) {
      const name = profileName?.trim()
      const about = profileStatus?.trim()
      if (profilePicture == null && name === undefined && about === undefined) throw new ApiError(400, texts.none)
      if (name === '') throw new ApiError(400, texts.emptyName)
      if (name !== undefined && [...name].length > MAX_NAME) throw new ApiError(400, texts.longName)
      if (about !== undefined && [...about].length > MAX_ABOUT) throw new ApiError(400, texts.longAbout)
      const { profile } = session(scope.instance.id)
      const removed = !(profilePicture instanceof LongValue) && profilePicture?.trim() === ''
      // Before anything is changed: a picture that is none changes nothing else either.
      const jpeg = profilePicture == null || removed ? null : await picture({ url: profilePicture })
      const updatedFields: Field[] = []
      const update = async (field: Field, work: () => Promise<void>) => {
        await work().catch((error: unknown) => {
          throw refusalOf(error, texts.failed, updatedFields)
        })
        updatedFields.push(field)
      }
      if (jpeg !== null || removed) await update('profilePicture', () => profile.setPicture(jpeg))
      if (name !== undefined) await update('profileName', () => profile.setName(name))
      if (about !== undefined) await update('profileStatus', () => profile.setAbout(about))
      return { status: 200, body: { success: true, message: 'Profile updated successfully', updatedFields } }
    },
  })
