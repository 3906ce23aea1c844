/** Stories: texts on a coloured ground, pictures, films and voice notes for those who may see them, gone after a day. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import { attachedAnswer, attachedErrors, checkAttached, composeAttached, soundFields, sourceFields } from './attached-media.ts'
import type { Composed, Composing, OutgoingKind } from './kind.ts'

/** WhatsApp's own clients accept no more. */
const MAX_TEXT = 700

/** Names for `ExtendedTextMessage.FontType` of WAProto. */
const fonts: Readonly<Record<string, number>> = {
  system: 0,
  'sans-serif': 1,
  script: 2,
  bold: 6,
  morningbreeze: 7,
  calistoga: 8,
  serif: 8,
  exo2: 9,
  courier: 10,
  monospace: 10,
}

const { mediaUrl, mediaMimeType, mediaSize, mediaDuration } = attachedAnswer

const body = z.object({
  type: z.enum(['text', 'image', 'video', 'audio']).nullish().meta({ example: 'text', description: 'Required' }),
  message: z
    .string()
    .nullish()
    .meta({ example: 'Open until 22h today', description: 'The text, up to 700 characters; of media the caption' }),
  ...sourceFields,
  backgroundColor: z.string().max(32).nullish().meta({ example: '#0A7A5A', description: 'Texts only: `#RRGGBB`' }),
  font: z
    .string()
    .max(32)
    .nullish()
    .meta({ example: 'system', description: `Texts only: ${Object.keys(fonts).join(', ')}` }),
  ...soundFields,
})

type Body = z.infer<typeof body>

const errors = {
  type: 'Type is required',
  message: 'Message is required',
  long: `Message must have at most ${MAX_TEXT} characters`,
  colour: 'Invalid backgroundColor: use #RRGGBB',
  font: 'Invalid font',
}

export const outgoingStatus = {
  id: 'message.status',
  needs: ['story'],
  path: '/api/message/status/:instance',
  summary: 'Post a story',
  description: 'For those the privacy settings of the app name. It can be deleted early like any message.',
  to: 'status@broadcast',
  plain: true,
  longValues: true,
  body,
  answer: {
    mediaUrl: mediaUrl.optional(),
    mediaMimeType: mediaMimeType.optional(),
    mediaSize: mediaSize.optional(),
    mediaDuration,
  },
  errors: [...Object.values(errors).map((message) => ({ status: 400, message })), ...attachedErrors],
  check(body: Body) {
    if (!body.type) throw new ApiError(400, errors.type)
    if (body.type !== 'text') return checkAttached(body)
    if (!body.message?.trim()) throw new ApiError(400, errors.message)
    if ([...body.message].length > MAX_TEXT) throw new ApiError(400, errors.long)
    if (body.backgroundColor && !colour.test(body.backgroundColor.trim())) throw new ApiError(400, errors.colour)
    if (body.font?.trim() && fontOf(body.font) === undefined) throw new ApiError(400, errors.font)
  },
  async compose(body: Body, composing: Pick<Composing, 'attach' | 'contextInfo'>): Promise<Composed> {
    const type = body.type ?? 'text'
    return type === 'text' ? composeText(body) : composeAttached(type, body, composing)
  },
} satisfies OutgoingKind<typeof body>

const composeText = (body: Body): Composed => {
  const text = body.message ?? ''
  const ground = body.backgroundColor?.trim()
  const font = body.font ? fontOf(body.font) : undefined
  const message: WireMessage = {
    extendedTextMessage: {
      text,
      // Opaque.
      ...(ground ? { backgroundArgb: Number.parseInt(`FF${ground.slice(1)}`, 16) } : {}),
      ...(font === undefined ? {} : { font }),
    },
  }
  return { messageType: 'text', content: text, message }
}

const colour = /^#[0-9a-f]{6}$/i

const fontOf = (name: string): number | undefined => {
  const key = name.trim().toLowerCase()
  return Object.hasOwn(fonts, key) ? fonts[key] : undefined
}
