/** Messages as they arrive: recorded bytes, so that what the decoder gets wrong is not made right again by the encoder beside it. */
import { expect } from 'vitest'
import { decodeWireMessage, encodeWireMessage, type WireMessage } from '../../whatsapp/wire.ts'
import { recordings, sealedRecordings } from './recordings.ts'

/** Decodes what was recorded. `message` says what is in it, field by field, and is held against it. */
export const arrived = (what: string, message: WireMessage): WireMessage => {
  const bytes = bytesOf(recordings[what], what)
  expect(Buffer.from(encodeWireMessage(message)).toString('hex'), `the bytes of ${what}`).toBe(bytes.toString('hex'))
  return decodeWireMessage(bytes)
}

export const recordedAnswer = (what: string): { question: WireMessage; answer: WireMessage } => ({
  question: decodeWireMessage(bytesOf(sealedRecordings[what]?.question, what)),
  answer: decodeWireMessage(bytesOf(sealedRecordings[what]?.answer, what)),
})

const bytesOf = (base64: string | undefined, what: string): Buffer => {
  if (base64 === undefined) throw new Error(`there is no recording of ${what}`)
  return Buffer.from(base64, 'base64')
}
