/**
 * A reaction to a message, and taking it back. A new one replaces the one before. In the announcement groups of communities it is sealed, so that
 * nobody but those who have the message can tell who thinks what of it (`SendMessage` in `send.go` of whatsmeow does the same).
 */
import { z } from 'zod'
import { ApiError } from '../../http/errors.ts'
import { addressOf } from '../../whatsapp/address.ts'
import type { Address } from '../../whatsapp/engine.ts'
import { isGroupJid, isLid, isUserJid, numberJid, STATUS_BROADCAST } from '../../whatsapp/jid.ts'
import { decodeReaction, decodeWireMessage, encodeReaction, type WireMessage } from '../../whatsapp/wire.ts'
import { recipientFields } from '../common-body.ts'
import type { StoredMessage } from '../message-repository.ts'
import { parseRecipient } from '../recipient.ts'
import type { Composed, Composing, IncomingKind, OutgoingKind } from './kind.ts'
import { type OpenedAnswer, sealReaction } from './sealed-answer.ts'

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
  async compose(body: Body, composing: Reacting): Promise<Composed> {
    const { to, self, stored } = composing
    const id = body.messageId?.trim() ?? ''
    const emoji = emojiOf(body.reaction ?? '')
    const chat = to.jid ?? to.lid ?? ''
    const target = await stored(id)
    const fromMe = body.fromMe ?? target?.fromMe ?? false
    const author = namesAuthors(chat) && !fromMe ? personOf(body.participant ?? '') : null
    const key = { remoteJid: chat, fromMe, id, ...(author === null ? {} : { participant: author }) }
    const reaction = { text: emoji, senderTimestampMs: Date.now() }
    const sealed = target === null ? null : await sealedFor(target, encodeReaction(reaction), composing)
    return {
      messageType: 'reaction',
      content: emoji,
      ...(sealed ?? { message: { reactionMessage: { key, ...reaction } } }),
      answer: { replyTo: { messageId: id } },
      // Who posted a story hears of it, and nobody else.
      ...(chat === STATUS_BROADCAST && author !== null ? { extras: { audience: [addressOf(author), self] } } : {}),
    }
  },
} satisfies OutgoingKind<typeof body>

type Reacting = Pick<Composing, 'to' | 'self' | 'stored' | 'known'>

/** Null: not in an announcement group, or the message carries no secret, as those of old clients. */
const sealedFor = async (
  { messageId, fromMe, sender, wire }: StoredMessage,
  plaintext: Uint8Array,
  { to, self, known }: Reacting,
): Promise<{ message: WireMessage; opened: OpenedAnswer } | null> => {
  if (!isGroupJid(to.jid ?? '') || !(await known(to)).isCommunity) return null
  const question = decodeWireMessage(wire)
  const secret = question.messageContextInfo?.messageSecret
  if (!secret?.length) return null
  // Announcement groups know their members by LID.
  const nameOf = ({ jid, lid }: Address): string => lid ?? jid ?? ''
  const responder = nameOf(self)
  const author = fromMe ? responder : nameOf(await known(addressOf(sender)))
  const targetMessageKey = { remoteJid: to.jid, fromMe, id: messageId, ...(fromMe ? {} : { participant: author }) }
  const sealed = sealReaction({ questionId: messageId, secret, author, responder }, plaintext)
  return { message: { encReactionMessage: { targetMessageKey, ...sealed } }, opened: { question, plaintext } }
}

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

/** One character as people see it: pictures, flags, keycaps; with skin tone, or joined out of several. */
const isEmoji = (text: string): boolean => {
  // Made here: the first one ever takes 20 ms.
  const characters = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  return [...characters.segment(text)].length === 1 && /\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3/u.test(text)
}

const personOf = (text: string): string | null => {
  const person = parseRecipient(text.trim())
  if (person?.kind === 'number') return numberJid(person.digits)
  const jid = text.trim()
  return person !== null && (isLid(jid) || isUserJid(jid)) ? jid : null
}
