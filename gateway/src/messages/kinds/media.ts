/** Pictures, films, sounds and documents. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { readWireMedia, toldType } from '../../media/wire-media.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { mentionFields } from '../common-body.ts'
import {
  attachedAnswer,
  attachedErrors,
  captionFields,
  checkAttached,
  composeAttached,
  soundFields,
  sourceFields,
} from './attached-media.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'

const body = z.object({
  mediaType: z.enum(['image', 'video', 'document', 'audio']).nullish().meta({ example: 'document', description: 'Required' }),
  ...sourceFields,
  ...captionFields,
  ...soundFields,
  viewOnce: z.boolean().nullish().meta({ example: false, description: 'Images, videos and voice notes: can be opened once' }),
  gif: z.boolean().nullish().meta({ example: false, description: 'Videos: plays by itself, over and over, without sound' }),
  ...mentionFields,
})

type Body = z.infer<typeof body>

export const outgoingMedia = {
  id: 'message.media',
  needs: ['media'],
  path: '/api/message/media/:instance',
  summary: 'Send an image, a video, a sound or a document',
  description: 'From an address, from base64 or as an upload (`multipart/form-data`). What WhatsApp would not show is converted.',
  longValues: true,
  body,
  answer: attachedAnswer,
  errors: [
    { status: 400, message: 'mediaType is required' },
    { status: 400, message: 'A document cannot be sent to be viewed once' },
    ...attachedErrors,
  ],
  check(body: Body) {
    if (!body.mediaType) throw new ApiError(400, 'mediaType is required')
    checkAttached(body)
    if (body.viewOnce && body.mediaType === 'document') throw new ApiError(400, 'A document cannot be sent to be viewed once')
  },
  compose: (body: Body, composing: Pick<Composing, 'attach' | 'contextInfo'>): Promise<Composed> =>
    composeAttached(body.mediaType ?? 'document', body, composing),
} satisfies OutgoingKind<typeof body>

/** Stickers too: what is read of them is the same. */
export const incomingMedia: IncomingKind = {
  read(message) {
    const media = readWireMedia(message)
    if (media === null) return null
    const album = albumOf(message)
    return {
      type: media.type,
      content: media.caption ?? '',
      changes: null,
      mediaType: toldType(media),
      ...(album === null ? {} : { details: { album: { messageId: album } } }),
    }
  },
}

/** `MessageAssociation.AssociationType.MEDIA_ALBUM` of WAProto. */
const MEDIA_ALBUM = 1

/** Id of the album message that this picture belongs to. */
const albumOf = ({ messageContextInfo }: WireMessage): string | null => {
  const association = messageContextInfo?.messageAssociation
  return association?.associationType === MEDIA_ALBUM ? association.parentMessageKey?.id || null : null
}
