/** Text, with quote, mentions and link preview. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { mentionFields } from '../common-body.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'

/** Characters, as people count them: an emoji is one. */
export const MAX_TEXT = 65_536

const body = z.object({
  message: z
    .string()
    .nullish()
    .meta({ example: 'Your order 42 is on its way', description: `Text, up to ${MAX_TEXT} characters. Required` }),
  linkPreview: z.boolean().nullish().meta({ example: true, description: 'Adds a preview of the first link in the text; default `false`' }),
  ...mentionFields,
})

type Body = z.infer<typeof body>

export const outgoingText = {
  id: 'message.text',
  needs: ['text'],
  path: '/api/message/text/:instance',
  summary: 'Send a text',
  description: 'To a number, a group or a channel. Answers when the message has been handed to WhatsApp.',
  body,
  errors: [
    { status: 400, message: 'Message is required' },
    { status: 400, message: `Message must have at most ${MAX_TEXT} characters` },
  ],
  check({ message }: Body) {
    if (!message?.trim()) throw new ApiError(400, 'Message is required')
    if (longerThan(message, MAX_TEXT)) throw new ApiError(400, `Message must have at most ${MAX_TEXT} characters`)
  },
  async compose(
    { message, linkPreview }: Body,
    { contextInfo, linkPreview: previewOf }: Pick<Composing, 'contextInfo' | 'linkPreview'>,
  ): Promise<Composed> {
    const text = message ?? ''
    const preview = linkPreview ? await previewOf(text) : null
    return {
      messageType: 'text',
      content: text,
      message: {
        // Never `conversation`: WhatsApp's own clients write every text they send this way, and only it can carry a context.
        extendedTextMessage: {
          text,
          ...(contextInfo === null ? {} : { contextInfo }),
          ...(preview === null
            ? {}
            : {
                matchedText: preview.url,
                title: preview.title,
                description: preview.description,
                previewType: 0,
                ...(preview.thumbnail === null ? {} : { jpegThumbnail: preview.thumbnail }),
              }),
        },
      },
    }
  },
} satisfies OutgoingKind<typeof body>

export const incomingText: IncomingKind = {
  read({ conversation, extendedTextMessage }) {
    const text = extendedTextMessage?.text ?? conversation
    return text === null || text === undefined ? null : { type: 'text', content: text, changes: null, mediaType: null }
  },
}

export const longerThan = (text: string, limit: number): boolean => {
  if (text.length <= limit) return false
  // Characters outside the basic plane take two places of a JavaScript string.
  if (text.length > 2 * limit) return true
  let characters = 0
  for (const _ of text) characters++
  return characters > limit
}
