/**
 * What is encrypted a second time, under a secret that only the message it is about carries: votes in polls, answers to events, reactions and
 * comments in the announcement groups of communities, and, since May 2026, edits. Whoever has not got that message cannot read them, and nobody
 * can pass one off as somebody else's. Source: `decryptPollVote` and `decryptEventResponse` of Baileys 7 (engine.md §8.2); the chain of HMACs there
 * is HKDF-SHA-256. The others: `msgsecret.go` of whatsmeow; they have no associated data.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { randomness } from '../../runtime/randomness.ts'
import type { Address } from '../../whatsapp/engine.ts'
import { contentOf, openEnvelopes } from '../../whatsapp/envelopes.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'

export interface SealedAnswer {
  /** Message id of the poll or event, or of the message reacted to, commented on or edited. */
  questionId: string
  purpose: Purpose
  payload: Uint8Array
  iv: Uint8Array
}

type Purpose = 'Poll Vote' | 'Event Response' | 'Enc Reaction' | 'Enc Comment' | 'Event Edit' | 'Message Edit'

/** An answer that could be read, and what it answers. */
export interface OpenedAnswer {
  question: WireMessage
  plaintext: Uint8Array
}

/** Null: nothing in the message is sealed, or in a way we do not know. */
export const sealedAnswerIn = (message: WireMessage): SealedAnswer | null => {
  const [purpose, key, { encPayload, encIv }] = partsOf(contentOf(message))
  if (purpose === undefined || !key?.id || !encPayload || !encIv) return null
  return { questionId: key.id, purpose, payload: encPayload, iv: encIv }
}

const partsOf = ({
  pollUpdateMessage: vote,
  encEventResponseMessage: response,
  encReactionMessage: reaction,
  encCommentMessage: comment,
  secretEncryptedMessage: edit,
}: WireMessage) => {
  if (vote) return ['Poll Vote', vote.pollCreationMessageKey, vote.vote ?? {}] as const
  if (response) return ['Event Response', response.eventCreationMessageKey, response] as const
  if (reaction) return ['Enc Reaction', reaction.targetMessageKey, reaction] as const
  if (comment) return ['Enc Comment', comment.targetMessageKey, comment] as const
  return [editPurposes[edit?.secretEncType ?? 0], edit?.targetMessageKey, edit ?? {}] as const
}

/** By `SecretEncryptedMessage.SecretEncType` of WAProto. */
const editPurposes: readonly (Purpose | undefined)[] = [undefined, 'Event Edit', 'Message Edit']

/** `author` asked, `responder` answers; which of their two addresses went into the key, only trying tells. Null: none fits. */
export const openAnswer = (answer: SealedAnswer, question: WireMessage, author: Address, responder: Address): OpenedAnswer | null => {
  const secret = openEnvelopes(question).context?.messageSecret
  if (!secret || secret.length === 0) return null
  for (const from of formsOf(author)) {
    for (const by of formsOf(responder)) {
      const plaintext = decrypt(answer, secret, from, by)
      if (plaintext !== null) return { question, plaintext }
    }
  }
  return null
}

export interface Sealing {
  questionId: string
  /** Its secret. */
  secret: Uint8Array
  /** Who wrote it, and who reacts, by the addresses they have in that chat. */
  author: string
  responder: string
}

/** A reaction as announcement groups want it. */
export const sealReaction = ({ questionId, secret, author, responder }: Sealing, plaintext: Uint8Array) => {
  const encIv = randomness(IV_LENGTH)
  const key = keyOf(questionId, secret, author, responder, 'Enc Reaction')
  const cipher = createCipheriv('aes-256-gcm', key, encIv, { authTagLength: TAG_LENGTH })
  return { encPayload: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]), encIv }
}

const TAG_LENGTH = 16
const IV_LENGTH = 12

const keyOf = (questionId: string, secret: Uint8Array, author: string, responder: string, purpose: Purpose): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `${questionId}${author}${responder}${purpose}`, 32))

const decrypt = ({ questionId, purpose, payload, iv }: SealedAnswer, secret: Uint8Array, author: string, responder: string) => {
  try {
    const key = keyOf(questionId, secret, author, responder, purpose)
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_LENGTH })
    if (purpose === 'Poll Vote' || purpose === 'Event Response') decipher.setAAD(Buffer.from(`${questionId}\0${responder}`))
    decipher.setAuthTag(payload.subarray(-TAG_LENGTH))
    return Buffer.concat([decipher.update(payload.subarray(0, -TAG_LENGTH)), decipher.final()])
  } catch {
    return null
  }
}

const formsOf = ({ jid, lid }: Address): string[] => [lid, jid].flatMap((form) => form ?? [])
