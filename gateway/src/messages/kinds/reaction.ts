/** A reaction to a message, and taking it back. A new one replaces the one before. */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { addressOf } from '../../whatsapp/address.ts'
import { isGroupJid, isLid, isUserJid, numberJid, STATUS_BROADCAST } from '../../whatsapp/jid.ts'
import { decodeReaction } from '../../whatsapp/wire.ts'
import { recipientFields } from '../common-body.ts'
import { parseRecipient } from '../recipient.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'

const REMOVE = 'remove'

const body = z.object({
  ...recipientFields,
  messageId: z.string().max(256).nullish().meta({ example: '3EB0A1B2C3D4E5F60718', description: 'Message to react to. Required' }),
  reaction: z
    .string()
    .max(64)
    .nullish()
    .meta({ example: '👍', description: `One emoji; \`${REMOVE}\` or an empty text takes the reaction back. Required` }),
  fromMe: z
    .boolean()
    .nullish()
    .meta({ example: false, description: 'Whether the instance sent that message; default: what is known of it, else `false`' }),
  participant: z.string().max(200).nullish().meta({
    example: '5521977776666@s.whatsapp.net',
    description: 'Its author. Required in groups and for stories when `fromMe` is not `true`',
  }),
})

type Body = z.infer<typeof body>

export const outgoingReaction = {
  id: 'message.reaction',
  needs: ['reaction'],
  path: '/api/message/reaction/:instance',
  summary: 'React to a message',
  description: 'The answer names the message reacted to in `replyTo`.',
  plain: true,
  body,
  errors: [
    { status: 400, message: 'messageId is required' },
    { status: 400, message: 'Reaction is required' },
    { status: 400, message: 'Reaction must be one emoji' },
    { status: 400, message: 'Participant is required for group messages' },
    { status: 400, message: 'Invalid participant' },
  ],
  check({ number, to, messageId, reaction, fromMe, participant }: Body) {
    if (!messageId?.trim()) throw new ApiError(400, 'messageId is required')
    if (reaction === null || reaction === undefined) throw new ApiError(400, 'Reaction is required')
    if (emojiOf(reaction) !== '' && !isEmoji(emojiOf(reaction))) throw new ApiError(400, 'Reaction must be one emoji')
    if (!namesAuthors(number?.trim() || to?.trim() || '') || fromMe) return
    if (!participant?.trim()) throw new ApiError(400, 'Participant is required for group messages')
    if (personOf(participant) === null) throw new ApiError(400, 'Invalid participant')
  },
  confirmation: ({ reaction }: Body) => (emojiOf(reaction ?? '') === '' ? 'Reaction removed successfully' : undefined),
  async compose(body: Body, { to, self, stored }: Pick<Composing, 'to' | 'self' | 'stored'>): Promise<Composed> {
    const id = body.messageId?.trim() ?? ''
    const emoji = emojiOf(body.reaction ?? '')
    const chat = to.jid ?? to.lid ?? ''
    const fromMe = body.fromMe ?? (await stored(id))?.fromMe ?? false
    const author = namesAuthors(chat) && !fromMe ? personOf(body.participant ?? '') : null
    return {
      messageType: 'reaction',
      content: emoji,
      message: {
        reactionMessage: {
          key: { remoteJid: chat, fromMe, id, ...(author === null ? {} : { participant: author }) },
          text: emoji,
          senderTimestampMs: Date.now(),
        },
      },
      answer: { replyTo: { messageId: id } },
      // Who posted a story hears of it, and nobody else.
      ...(chat === STATUS_BROADCAST && author !== null ? { extras: { audience: [addressOf(author), self] } } : {}),
    }
  },
} satisfies OutgoingKind<typeof body>

/** A sealed one, as announcement groups of communities have them, needs the message it is about; without it nobody can say what it is. */
export const incomingReaction: IncomingKind = {
  read({ reactionMessage, encReactionMessage }, opened) {
    const given = encReactionMessage ? (opened ? reactionIn(opened.plaintext) : null) : reactionMessage
    const about = (encReactionMessage?.targetMessageKey ?? reactionMessage?.key)?.id
    if (!given || !about) return null
    const emoji = given.text ?? ''
    return {
      type: 'reaction',
      content: emoji,
      changes: null,
      mediaType: null,
      about,
      details: { reaction: { emoji, text: emoji, messageId: about, message_id: about } },
    }
  },
}

const reactionIn = (plaintext: Uint8Array) => {
  try {
    return decodeReaction(plaintext)
  } catch {
    return null
  }
}

/** Where a message has an author besides its chat. */
const namesAuthors = (chat: string): boolean => isGroupJid(chat) || chat === STATUS_BROADCAST

const emojiOf = (reaction: string): string => (reaction.trim().toLowerCase() === REMOVE ? '' : reaction.trim())

const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** One character as people see it: pictures, flags, keycaps; with skin tone, or joined out of several. */
const isEmoji = (text: string): boolean =>
  [...characters.segment(text)].length === 1 && /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u.test(text)

const personOf = (text: string): string | null => {
  const person = parseRecipient(text.trim())
  if (person?.kind === 'number') return numberJid(person.digits)
  const jid = text.trim()
  return person !== null && (isLid(jid) || isUserJid(jid)) ? jid : null
}
