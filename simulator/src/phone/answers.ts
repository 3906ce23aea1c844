/**
 * Votes, answers to events, sealed reactions and taps, as the person holding the phone gives them. All but taps are encrypted under the secret the question
 * carries, with the addresses both sides have in that conversation (engine.md §8.2). Reactions have no associated data (whatsmeow, `msgsecret.go`).
 */
import { createCipheriv, createHash, hkdfSync } from 'node:crypto'
import { proto } from 'baileys'
import type { PhoneAnswer, PhoneIdentity } from '../ports.ts'
import { mustParse, userJid } from './addresses.ts'
import type { RandomBytes } from './device-keys.ts'
import type { GroupBook } from './group-book.ts'
import type { LogEntry, MessageLog } from './message-log.ts'
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
  const seal = (purpose: string, content: Uint8Array) => {
    const encIv = random(12)
    const sealingKey = hkdfSync('sha256', secret, '', answer.question + author + me + purpose, 32)
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(sealingKey), encIv)
    if (purpose !== 'Enc Reaction') cipher.setAAD(Buffer.from(`${answer.question}\0${me}`))
    return { encPayload: Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]), encIv }
  }
  if (answer.kind === 'vote') {
    const selectedOptions = answer.options.map((option) => optionHash(question.content, option))
    const vote = seal('Poll Vote', proto.Message.PollVoteMessage.encode({ selectedOptions }).finish())
    return { pollUpdateMessage: { pollCreationMessageKey: key, vote, senderTimestampMs: now() } }
  }
  if (answer.kind === 'reaction') {
    const reaction = proto.Message.ReactionMessage.encode({ text: answer.emoji, senderTimestampMs: now() }).finish()
    return { encReactionMessage: { targetMessageKey: key, ...seal('Enc Reaction', reaction) } }
  }
  const response = proto.Message.EventResponseMessage.EventResponseType[answer.response]
  const content = { response, timestampMs: now(), ...(answer.guests !== undefined && { extraGuestCount: answer.guests }) }
  const sealed = seal('Event Response', proto.Message.EventResponseMessage.encode(content).finish())
  return { encEventResponseMessage: { eventCreationMessageKey: key, ...sealed } }
}

const authorOf = ({ receipt }: LogEntry, chat: string): string => userJid(receipt?.participant ?? receipt?.to ?? chat)

function optionHash(poll: proto.IMessage, name: string): Uint8Array {
  const { options } = poll.pollCreationMessage ?? poll.pollCreationMessageV2 ?? poll.pollCreationMessageV3 ?? {}
  if (!options?.some(({ optionName }) => optionName === name)) throw new Error(`the poll has no option ${name}`)
  return createHash('sha256').update(name).digest()
}
