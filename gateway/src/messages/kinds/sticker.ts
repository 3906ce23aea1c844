/** Stickers on their way out; `media.ts` reads those that arrive. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { longText } from '../../http/long-value.ts'
import { answerOf, attachedAnswer, attachedErrors, known } from './attached-media.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'

const body = z.object({
  imageUrl: longText().nullish().meta({
    example: 'https://example.org/fox.png',
    description: 'Address, `data:` URL or base64 of a picture, or an uploaded one. Required',
  }),
})

type Body = z.infer<typeof body>

const { mediaUrl, mediaMimeType, mediaSize } = attachedAnswer

export const outgoingSticker = {
  id: 'message.sticker',
  needs: ['media'],
  path: '/api/message/sticker/:instance',
  summary: 'Send a sticker',
  description: 'Any picture becomes a WebP of 512 × 512 on a transparent ground; GIF, APNG and WebP with several pictures stay animated.',
  longValues: true,
  body,
  answer: { mediaUrl, mediaMimeType, mediaSize },
  errors: [
    { status: 400, message: 'imageUrl is required' },
    ...attachedErrors.filter(({ message }) => !message.includes('mediaUrl') && !message.startsWith('Message')),
  ],
  check({ imageUrl }: Body) {
    if (typeof imageUrl === 'string' ? !imageUrl.trim() : !imageUrl) throw new ApiError(400, 'imageUrl is required')
  },
  async compose({ imageUrl }: Body, { attach, contextInfo }: Pick<Composing, 'attach' | 'contextInfo'>): Promise<Composed> {
    const attached = await attach({ url: imageUrl ?? null }, { as: 'sticker' })
    const { upload, mimeType, width, height, animated } = attached
    return {
      messageType: 'sticker',
      content: null,
      message: {
        stickerMessage: {
          ...upload,
          mimetype: mimeType,
          ...known({ width, height }),
          isAnimated: animated,
          ...(contextInfo === null ? {} : { contextInfo }),
        },
      },
      answer: answerOf(attached, false),
    }
  },
} satisfies OutgoingKind<typeof body>
