/** Up to three buttons below a text. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { longText } from '../../http/long-value.ts'
import { isGiven, mediaErrors } from './attached-media.ts'
import { buttonErrors, buttonFields, checkButtons, nativeButton } from './interactive-buttons.ts'
import { interactive, mediaHeader, textHeader } from './interactive-wire.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'
import { MAX_TEXT } from './text.ts'

const MAX_HEADER = 1_024
const mediaTypes = ['IMAGE', 'VIDEO', 'DOCUMENT'] as const
const asMedia = { IMAGE: 'image', VIDEO: 'video', DOCUMENT: 'document' } as const

const body = z.object({
  contentText: z.string().max(MAX_TEXT).nullish().meta({ example: 'Shall we confirm?', description: 'Text above the buttons. Required' }),
  buttons: z
    .array(buttonFields)
    .nullish()
    .meta({
      example: [
        { id: 'yes', displayText: 'Yes', type: 'REPLY' },
        { id: 'no', displayText: 'No', type: 'REPLY' },
      ],
      description: 'One to three. WhatsApp Web hides `REPLY` buttons that stand beside others. Required',
    }),
  headerText: z.string().max(MAX_HEADER).nullish().meta({ example: 'Appointment', description: 'Ignored when there is media' }),
  footerText: z.string().max(MAX_HEADER).nullish().meta({ example: 'Clinic' }),
  mediaUrl: longText()
    .nullish()
    .meta({ example: 'https://example.org/room.jpg', description: 'Shown above the text: address, base64 or `data:` URL' }),
  mediaType: z.enum(mediaTypes).nullish().meta({ example: 'IMAGE', description: 'Required with `mediaUrl`' }),
})

type Body = z.infer<typeof body>

export const outgoingButton = {
  id: 'message.button',
  needs: ['interactive'],
  path: '/api/message/button/:instance',
  summary: 'Send buttons',
  description: 'A tap on a `REPLY` button comes back as `message.exchange` of type `buttons_response`.',
  longValues: true,
  body,
  errors: [
    { status: 400, message: 'ContentText is required' },
    { status: 400, message: 'At least one button is required' },
    ...buttonErrors,
    { status: 400, message: 'MediaType is required' },
    ...mediaErrors,
  ],
  check({ contentText, buttons, mediaUrl, mediaType }: Body) {
    if (!contentText?.trim()) throw new ApiError(400, 'ContentText is required')
    if (!buttons?.length) throw new ApiError(400, 'At least one button is required')
    checkButtons(buttons)
    if (isGiven(mediaUrl) && !mediaType) throw new ApiError(400, 'MediaType is required')
  },
  async compose(body: Body, { contextInfo, attach }: Pick<Composing, 'contextInfo' | 'attach'>): Promise<Composed> {
    const content = body.contentText ?? ''
    const header = isGiven(body.mediaUrl)
      ? await mediaHeader(asMedia[body.mediaType ?? 'DOCUMENT'], body.mediaUrl, attach)
      : textHeader(body.headerText?.trim())
    return {
      messageType: 'buttons',
      content,
      message: {
        interactiveMessage: interactive({
          header,
          body: content,
          footer: body.footerText?.trim(),
          buttons: (body.buttons ?? []).map(nativeButton),
          contextInfo,
        }),
      },
    }
  },
} satisfies OutgoingKind<typeof body>
