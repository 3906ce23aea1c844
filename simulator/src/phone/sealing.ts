/**
 * The second encryption of votes, answers to events, edits, and of reactions and comments in announcement groups: under the secret of the message
 * they are about, with the addresses both sides have in that conversation (engine.md §8.2). Votes and answers alone have associated data
 * (whatsmeow, `msgsecret.go`).
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'

export type Purpose = 'Poll Vote' | 'Event Response' | 'Enc Reaction' | 'Enc Comment' | 'Event Edit' | 'Message Edit'

export interface Seal {
  /** Message id of what is answered. */
  question: string
  /** What it carries. */
  secret: Uint8Array
  /** Who asked. */
  author: string
  /** Who answers. */
  by: string
  purpose: Purpose
}

const TAG_LENGTH = 16

export function seal(how: Seal, content: Uint8Array, encIv: Uint8Array): { encPayload: Uint8Array; encIv: Uint8Array } {
  const cipher = createCipheriv('aes-256-gcm', keyOf(how), encIv)
  if (how.purpose === 'Poll Vote' || how.purpose === 'Event Response') cipher.setAAD(Buffer.from(`${how.question}\0${how.by}`))
  return { encPayload: Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]), encIv }
}

/** What has no associated data. Throws when it was sealed in another way. */
export function unseal(how: Seal, encPayload: Uint8Array, encIv: Uint8Array): Uint8Array {
  const decipher = createDecipheriv('aes-256-gcm', keyOf(how), encIv)
  decipher.setAuthTag(encPayload.subarray(-TAG_LENGTH))
  return Buffer.concat([decipher.update(encPayload.subarray(0, -TAG_LENGTH)), decipher.final()])
}

const keyOf = ({ question, secret, author, by, purpose }: Seal): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', question + author + by + purpose, 32))
