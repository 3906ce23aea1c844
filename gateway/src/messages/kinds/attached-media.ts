/** A caller's picture, film, sound or document as part of a message: the fields of a body, and what they become on the wire. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { LongValue, longText } from '../../http/long-value.ts'
import type { UploadedFile, Wanted } from '../../media/media.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import type { Composed, Composing } from './kind.ts'
import { longerThan } from './text.ts'

export type AttachedType = 'image' | 'video' | 'audio' | 'document'

/** Characters, as people count them. */
export const MAX_CAPTION = 1024
/** Bars a caller may draw under a voice note; WhatsApp shows 64. */
const MAX_WAVEFORM = 1024

/** Where the file comes from. For operations with `longValues`. */
export const sourceFields = {
  mediaUrl: longText().nullish().meta({
    example: 'https://example.org/q3.pdf',
    description: 'Address, base64 or `data:` URL. Exactly one of `mediaUrl` and `mediaBase64` is required',
  }),
  mediaBase64: longText().nullish().meta({
    example: 'JVBERi0xLjcK…',
    description: 'Base64, with or without `data:` prefix, or an uploaded file',
  }),
  mimeType: z.string().max(256).nullish().meta({ example: 'application/pdf', description: 'Default: found out from the content' }),
  mimetype: z.string().max(256).nullish().meta({ example: 'application/pdf', description: 'The same as `mimeType`, which wins' }),
  fileName: z.string().max(255).nullish().meta({ example: 'Q3.pdf', description: 'Shown on the card of a document' }),
}

export const captionFields = {
  message: z
    .string()
    .nullish()
    .meta({ example: 'Report', description: `Caption, up to ${MAX_CAPTION} characters; sounds have none` }),
}

export const soundFields = {
  isVoice: z.boolean().nullish().meta({ example: true, description: 'Audio only: a voice note (default) or, with `false`, music' }),
  duration: z.number().min(0).max(86_400).nullish().meta({ example: 12, description: 'Audio only: seconds; default: as long as it is' }),
  waveform: z
    .array(z.int().min(0).max(255))
    .max(MAX_WAVEFORM)
    .nullish()
    .meta({ example: [0, 40, 90, 40], description: 'Voice notes only: the bars; default: made from the sound' }),
}

const everyField = z.object({ ...sourceFields, ...captionFields, ...soundFields })

/** What a kind hands over of its body. */
export type AttachedBody = z.infer<typeof everyField> & {
  /** It can be opened once. Images, videos and voice notes only. */
  viewOnce?: boolean | null | undefined
  /** A film without sound that plays by itself, over and over. */
  gif?: boolean | null | undefined
}

export const mediaErrors = [
  { status: 400, message: 'Failed to download media: <reason>' },
  { status: 400, message: 'Failed to process media: <reason>' },
  { status: 400, message: 'Media must be at most 100 MB' },
  { status: 429, message: 'Too many media files are being converted. Try again later.' },
]

export const attachedErrors = [
  { status: 400, message: 'Provide exactly one of mediaUrl or mediaBase64' },
  { status: 400, message: `Message must have at most ${MAX_CAPTION} characters` },
  ...mediaErrors,
]

/** Throws 400 for what can be told before anything is fetched. */
export const checkAttached = ({ mediaUrl, mediaBase64, message }: AttachedBody): void => {
  if (isGiven(mediaUrl) === isGiven(mediaBase64)) throw new ApiError(400, 'Provide exactly one of mediaUrl or mediaBase64')
  if (message && longerThan(message, MAX_CAPTION)) throw new ApiError(400, `Message must have at most ${MAX_CAPTION} characters`)
}

/** Fetches, converts and uploads; gives message and answer. Throws the documented 400s. */
export const composeAttached = async (
  type: AttachedType,
  body: AttachedBody,
  { attach, contextInfo }: Pick<Composing, 'attach' | 'contextInfo'>,
): Promise<Composed> => {
  const source = {
    url: body.mediaUrl ?? null,
    base64: body.mediaBase64 ?? null,
    mimeType: body.mimeType ?? body.mimetype ?? null,
    fileName: body.fileName ?? null,
  }
  const attached = await attach(source, wantedOf(type, body))
  const content = type === 'audio' ? '' : (body.message ?? '')
  const said: Said = {
    caption: content === '' ? {} : { caption: content },
    context: contextInfo === null ? {} : { contextInfo },
    once: body.viewOnce ? { viewOnce: true } : {},
    gif: body.gif ?? false,
    voice: type === 'audio' && isVoice(body),
  }
  const message = wire[type](attached, said)
  return { messageType: type, content, message: body.viewOnce ? openedOnce(message) : message, answer: answerOf(attached, said.voice) }
}

/** Of the answer's `data`. */
export const attachedAnswer = {
  mediaUrl: z.string(),
  mediaMimeType: z.string(),
  mediaSize: z.number(),
  mediaDuration: z.number().optional(),
}

export const answerOf = (
  { upload, mimeType, size, seconds }: UploadedFile,
  voice: boolean,
): z.infer<z.ZodObject<typeof attachedAnswer>> => ({
  mediaUrl: upload.url,
  mediaMimeType: mimeType,
  mediaSize: size,
  ...(voice && seconds !== null ? { mediaDuration: seconds } : {}),
})

/** Fields whose value is known; the rest is left out, as WhatsApp's clients do. */
export const known = <Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)) as { [Name in keyof Fields]?: NonNullable<Fields[Name]> }

interface Said {
  caption: { caption?: string }
  context: Partial<Pick<NonNullable<WireMessage['imageMessage']>, 'contextInfo'>>
  once: { viewOnce?: boolean }
  gif: boolean
  voice: boolean
}

const wire: Record<AttachedType, (attached: UploadedFile, said: Said) => WireMessage> = {
  image: ({ upload, mimeType, width, height, thumbnail }, { caption, context, once }) => ({
    imageMessage: { ...upload, mimetype: mimeType, ...known({ width, height, jpegThumbnail: thumbnail }), ...caption, ...once, ...context },
  }),
  video: ({ upload, mimeType, width, height, seconds, thumbnail, gif }, { caption, context, once, gif: asGif }) => ({
    videoMessage: {
      ...upload,
      mimetype: mimeType,
      ...known({ width, height, seconds, jpegThumbnail: thumbnail }),
      ...(gif || asGif ? { gifPlayback: true } : {}),
      ...caption,
      ...once,
      ...context,
    },
  }),
  audio: ({ upload, mimeType, seconds, waveform }, { context, once, voice }) => ({
    audioMessage: { ...upload, mimetype: mimeType, ptt: voice, ...known({ seconds, waveform }), ...once, ...context },
  }),
  document: ({ upload, mimeType, fileName, thumbnail }, { caption, context }) => {
    // Without a name the card would be blank.
    const name = fileName ?? 'file'
    const shown = known({ jpegThumbnail: thumbnail })
    return { documentMessage: { ...upload, mimetype: mimeType, fileName: name, title: name, ...shown, ...caption, ...context } }
  },
}

/** The envelopes WhatsApp's own clients use: voice notes came later and got one of their own. */
const openedOnce = (message: WireMessage): WireMessage =>
  message.audioMessage ? { viewOnceMessageV2Extension: { message } } : { viewOnceMessageV2: { message } }

const wantedOf = (type: AttachedType, body: AttachedBody): Wanted =>
  type === 'audio' ? { as: 'audio', voice: isVoice(body), seconds: body.duration ?? null, waveform: body.waveform ?? null } : { as: type }

const isVoice = ({ isVoice: wanted }: AttachedBody): boolean => wanted ?? true

export const isGiven = (value: AttachedBody['mediaUrl']): boolean => value instanceof LongValue || Boolean(value?.trim())
