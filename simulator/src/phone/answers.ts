/** Votes, answers to events, taps, and sealed reactions, comments and edits, as the person holding the phone gives them; the sealed ones also as it reads them. */
import { createHash } from 'node:crypto'
import { normalizeMessageContent, proto } from 'baileys'
import type { PhoneAnswer, PhoneIdentity } from '../ports.ts'
import { mustParse, userJid } from './addresses.ts'
import { textOf } from './content.ts'
import type { RandomBytes } from './device-keys.ts'
import type { GroupBook } from './group-book.ts'
import type { LogEntry, MessageLog } from './message-log.ts'
import { type Purpose, seal, unseal } from './sealing.ts'
import { tapAnswer } from './taps.ts'

interface Parts {
  self: PhoneIdentity
  log: MessageLog
  groups: GroupBook
  random: RandomBytes
  now(): number
  /** The name a conversation goes by in the log. */
  person(jid: string): string
}

/** The message that brings an answer. Throws when this phone has no such question, or the question no such option. */
export async function sealAnswer(to: string, answer: PhoneAnswer, parts: Parts): Promise<proto.IMessage> {
  const { self, log, groups, random, now, person } = parts
  const chat = userJid(to)
  if (answer.kind === 'tap') return tapAnswer(answer, log.find(person(chat), answer.message), self.jid)
  const question = log.find(person(chat), answer.question)
  const secret = question?.content.messageContextInfo?.messageSecret
  if (!question || !secret?.length) throw new Error(`no question ${answer.question} in ${to}`)
  const group = mustParse(chat).server === 'g.us'
  const byLid = group ? (await groups.find(chat)).addressing === 'lid' : mustParse(chat).server === 'lid'
  const me = byLid ? self.lid : self.jid
  const author = question.shown.fromMe ? me : authorOf(question, chat)
  const key = {
    remoteJid: chat,
    fromMe: question.shown.fromMe,
    id: answer.question,
    ...(group && author !== me && { participant: author }),
  }
  const sealed = (purpose: Purpose, content: Uint8Array) =>
    seal({ question: answer.question, secret, author, by: me, purpose }, content, random(12))
  if (answer.kind === 'vote') {
    const selectedOptions = answer.options.map((option) => optionHash(question.content, option))
    const vote = sealed('Poll Vote', proto.Message.PollVoteMessage.encode({ selectedOptions }).finish())
    return { pollUpdateMessage: { pollCreationMessageKey: key, vote, senderTimestampMs: now() } }
  }
  if (answer.kind === 'reaction') {
    const reaction = proto.Message.ReactionMessage.encode({ text: answer.emoji, senderTimestampMs: now() }).finish()
    return { encReactionMessage: { targetMessageKey: key, ...sealed('Enc Reaction', reaction) } }
  }
  if (answer.kind === 'comment') {
    const comment = proto.Message.encode({ extendedTextMessage: { text: answer.text } }).finish()
    return { encCommentMessage: { targetMessageKey: key, ...sealed('Enc Comment', comment) } }
  }
  if (answer.kind === 'edit') return { secretEncryptedMessage: sealedEdit(question, answer.text, key, sealed, now()) }
  const response = proto.Message.EventResponseMessage.EventResponseType[answer.response]
  const content = { response, timestampMs: now(), ...(answer.guests !== undefined && { extraGuestCount: answer.guests }) }
  const given = sealed('Event Response', proto.Message.EventResponseMessage.encode(content).finish())
  return { encEventResponseMessage: { eventCreationMessageKey: key, ...given } }
}

function sealedEdit(
  { content, shown }: LogEntry,
  text: string,
  key: proto.IMessageKey,
  sealed: (purpose: Purpose, content: Uint8Array) => { encPayload: Uint8Array; encIv: Uint8Array },
  now: number,
): proto.Message.ISecretEncryptedMessage {
  if (!shown.fromMe) throw new Error(`${shown.id} is somebody else's`)
  const event = normalizeMessageContent(content)?.eventMessage
  const editedMessage = event ? { eventMessage: { ...event, name: text } } : { conversation: text }
  const { MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
  const edit = proto.Message.encode({ protocolMessage: { type: MESSAGE_EDIT, key, editedMessage, timestampMs: now } }).finish()
  const { EVENT_EDIT, MESSAGE_EDIT: OF_MESSAGE } = proto.Message.SecretEncryptedMessage.SecretEncType
  return {
    targetMessageKey: key,
    secretEncType: event ? EVENT_EDIT : OF_MESSAGE,
    ...sealed(event ? 'Event Edit' : 'Message Edit', edit),
  }
}

interface Sealed {
  /** Of the message it is about. */
  key: proto.IMessageKey | null | undefined
  purpose: Purpose
  encPayload?: Uint8Array | null | undefined
  encIv?: Uint8Array | null | undefined
}

/** A sealed reaction, comment or edit; undefined: it is none. */
export function sealedIn(message: proto.IMessage): Sealed | undefined {
  const { encReactionMessage: reaction, encCommentMessage: comment, secretEncryptedMessage: edit } = normalizeMessageContent(message) ?? {}
  if (reaction) return { key: reaction.targetMessageKey, purpose: 'Enc Reaction', ...reaction }
  if (comment) return { key: comment.targetMessageKey, purpose: 'Enc Comment', ...comment }
  const ofEvent = edit?.secretEncType === proto.Message.SecretEncryptedMessage.SecretEncType.EVENT_EDIT
  return edit ? { key: edit.targetMessageKey, purpose: ofEvent ? 'Event Edit' : 'Message Edit', ...edit } : undefined
}

/** The emoji or text in something sealed from this address; undefined when this phone cannot open it, and shows nothing. */
export function readSealed(
  { key, purpose, encPayload, encIv }: Sealed,
  { chat, from, question }: { chat: string; from: string; question: LogEntry | undefined },
  self: PhoneIdentity,
): string | undefined {
  const secret = question?.content.messageContextInfo?.messageSecret
  if (!question || !secret || !encPayload || !encIv) return undefined
  const by = userJid(from)
  const me = mustParse(by).server === 'lid' ? self.lid : self.jid
  const author = question.shown.fromMe ? me : authorOf(question, chat)
  try {
    const opened = unseal({ question: key?.id ?? '', secret, author, by, purpose }, encPayload, encIv)
    return purpose === 'Enc Reaction' ? (proto.Message.ReactionMessage.decode(opened).text ?? '') : textOf(proto.Message.decode(opened))
  } catch {
    return undefined
  }
}

const authorOf = ({ receipt }: LogEntry, chat: string): string => userJid(receipt?.participant ?? receipt?.to ?? chat)

function optionHash(poll: proto.IMessage, name: string): Uint8Array {
  const { options } = poll.pollCreationMessage ?? poll.pollCreationMessageV2 ?? poll.pollCreationMessageV3 ?? {}
  if (!options?.some(({ optionName }) => optionName === name)) throw new Error(`the poll has no option ${name}`)
  return createHash('sha256').update(name).digest()
}
