/** Messages, receipts and presence as the person holding the phone. */
import { proto } from 'baileys'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type Person, requireOnline } from '../phones.ts'
import type { PhoneAnswer, PhoneMessage } from '../ports.ts'
import { ControlError } from './control-error.ts'
import type { ControlParts } from './control-parts.ts'
import { address, personOf } from './path-parameters.ts'

const MAX_WAIT_MS = 120_000

const outgoing = z
  .object({
    to: address,
    text: z.string().optional(),
    /** WAProto Message as JSON, bytes in base64. */
    message: z.record(z.string(), z.unknown()).optional(),
    /** Of a poll (message id) the phone has got: all options chosen, by name; none takes the vote back. */
    vote: z.object({ poll: z.string(), options: z.array(z.string()) }).optional(),
    /** To an event (message id) the phone has got. */
    response: z
      .object({ event: z.string(), response: z.enum(['GOING', 'NOT_GOING', 'MAYBE']), guests: z.number().int().optional() })
      .optional(),
    /** To a message (its id) that carries a secret, sealed as in announcement groups of communities; an empty emoji takes it back. */
    reaction: z.object({ message: z.string(), emoji: z.string() }).optional(),
    /** Under a message (its id) that carries a secret, sealed likewise. */
    comment: z.object({ message: z.string(), text: z.string() }).optional(),
    /** Of an own message (its id) that carries a secret: its new text, or the event's new name, sealed as phones do since May 2026. */
    rewrite: z.object({ message: z.string(), text: z.string() }).optional(),
    /** In a message (its id) the phone has got and shows: a button or a row by its id, or a form; `card` of a carousel, from 0. */
    tap: z
      .object({
        message: z.string(),
        card: z.number().int().min(0).optional(),
        button: z.string().optional(),
        row: z.string().optional(),
        form: z.record(z.string(), z.unknown()).optional(),
      })
      .refine(
        ({ button, row, form }) => [button, row, form].filter((given) => given !== undefined).length === 1,
        'one of button, row, form',
      )
      .optional(),
    media: z.object({ base64: z.base64(), mimetype: z.string().min(1) }).optional(),
    id: z.string().optional(),
    edit: z.string().optional(),
    /** Whom a story (`to: status@broadcast`) is for, or a broadcast list (`<digits>@broadcast`); default everybody the phone knows. */
    audience: z.array(address).optional(),
  })
  .refine(
    ({ text, message, media, vote, response, reaction, comment, rewrite, tap }) =>
      [text, message, media, vote, response, reaction, comment, rewrite, tap].some((given) => given !== undefined),
    'nothing to send',
  )
const listed = z.object({
  after: z.coerce.number().int().min(0).default(0),
  wait: z.coerce.number().int().min(0).max(MAX_WAIT_MS).default(0),
})
const receipt = z.object({ chat: address, ids: z.array(z.string()).min(1).max(1_000), type: z.enum(['read', 'played']) })
const presence = z.object({
  to: address.optional(),
  state: z.enum(['composing', 'typing', 'recording', 'paused', 'available', 'unavailable']),
})
const withCursor = z.object({ cursor: z.coerce.number().int() })

const USER = /@(s\.whatsapp\.net|lid)$/
/** Content that lies on the media host. */
const MEDIA_TYPES = new Set([
  'imageMessage',
  'videoMessage',
  'ptvMessage',
  'audioMessage',
  'documentMessage',
  'stickerMessage',
  'interactiveMessage',
])

export function messageRoutes(api: FastifyInstance, { phones, services }: ControlParts): void {
  api.post('/phones/:number/messages', async (request) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    const body = outgoing.parse(request.body)
    const { to, text, message, media, id, edit, audience } = body
    if (USER.test(to) && services.directory.resolve(to) === undefined) throw new ControlError(404, `${to} is not on this network`)
    return person.phone.sendMessage({
      to,
      message: (await answerIn(person, body)) ?? contentOf(text, message, media?.mimetype),
      ...(media && { media: { bytes: Buffer.from(media.base64, 'base64'), mimetype: media.mimetype } }),
      ...(id !== undefined && { id }),
      ...(edit !== undefined && { editAttribute: edit }),
      ...(audience !== undefined && { audience }),
    })
  })

  api.get('/phones/:number/messages', async (request) => {
    const person = personOf(phones, request.params)
    const { after, wait } = listed.parse(request.query)
    const found = await person.phone.messages(after, wait)
    return { messages: await Promise.all(found.messages.map((message) => withMedia(person, message))), cursor: found.cursor }
  })

  api.get('/phones/:number/messages/:cursor/media', async (request, reply) => {
    const person = personOf(phones, request.params)
    const { cursor } = withCursor.parse(request.params)
    const { bytes, mimetype } = await person.phone.media(cursor).catch((error: unknown) => {
      throw new ControlError(404, error instanceof Error ? error.message : String(error))
    })
    return reply.type(mimetype).send(Buffer.from(bytes))
  })

  api.post('/phones/:number/receipts', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    person.phone.sendReceipts(receipt.parse(request.body))
    return reply.status(204).send()
  })

  api.post('/phones/:number/presence', async (request, reply) => {
    const person = personOf(phones, request.params)
    requireOnline(person)
    const { to, state } = presence.parse(request.body)
    person.phone.sendPresence({ ...(to !== undefined && { to }), state: state === 'typing' ? 'composing' : state })
    return reply.status(204).send()
  })
}

/** Undefined: nothing in the body is sealed, and no tap. Throws a 400 for one the phone cannot give. */
async function answerIn(person: Person, body: z.infer<typeof outgoing>): Promise<proto.IMessage | undefined> {
  const answer = answerOf(body)
  if (!answer) return undefined
  try {
    return await person.phone.sealAnswer(body.to, answer)
  } catch (error) {
    throw new ControlError(400, error instanceof Error ? error.message : String(error))
  }
}

function answerOf({ vote, response, reaction, comment, rewrite, tap }: z.infer<typeof outgoing>): PhoneAnswer | undefined {
  if (vote) return { kind: 'vote', question: vote.poll, options: vote.options }
  if (response) return { kind: 'response', question: response.event, response: response.response, guests: response.guests }
  if (reaction) return { kind: 'reaction', question: reaction.message, emoji: reaction.emoji }
  if (comment) return { kind: 'comment', question: comment.message, text: comment.text }
  if (rewrite) return { kind: 'edit', question: rewrite.message, text: rewrite.text }
  return tap && { kind: 'tap', ...tap }
}

/** The WAProto Message a body means. Throws a 400 when it is not one. */
function contentOf(text: string | undefined, message: Record<string, unknown> | undefined, mimetype: string | undefined): proto.IMessage {
  if (message !== undefined) return messageFromJson(message)
  if (mimetype === undefined) return proto.Message.fromObject({ conversation: text })
  const caption = text === undefined ? {} : { caption: text }
  if (mimetype.startsWith('image/webp')) return proto.Message.fromObject({ stickerMessage: { mimetype } })
  if (mimetype.startsWith('image/')) return proto.Message.fromObject({ imageMessage: { mimetype, ...caption } })
  if (mimetype.startsWith('video/')) return proto.Message.fromObject({ videoMessage: { mimetype, ...caption } })
  if (mimetype.startsWith('audio/')) return proto.Message.fromObject({ audioMessage: { mimetype, ptt: mimetype.startsWith('audio/ogg') } })
  return proto.Message.fromObject({ documentMessage: { mimetype, fileName: 'file', ...caption } })
}

function messageFromJson(json: Record<string, unknown>): proto.IMessage {
  const empty = new proto.Message()
  const unknown = Object.keys(json).filter((field) => !(field in empty))
  if (unknown.length > 0) throw new ControlError(400, `WAProto Message has no ${unknown.join(', ')}`)
  try {
    return proto.Message.fromObject(json)
  } catch (error) {
    throw new ControlError(400, `not a WAProto Message: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function withMedia(person: Person, message: PhoneMessage): Promise<PhoneMessage & { media?: { base64: string; mimetype: string } }> {
  if (!MEDIA_TYPES.has(message.type)) return message
  try {
    const { bytes, mimetype } = await person.phone.media(message.cursor)
    return { ...message, media: { base64: Buffer.from(bytes).toString('base64'), mimetype } }
  } catch {
    // Gone from the media host, or never there: the message itself is still worth showing.
    return message
  }
}
