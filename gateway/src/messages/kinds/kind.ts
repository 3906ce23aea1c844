/**
 * A kind of message, one file each, both directions: what a caller sends and how it becomes WhatsApp's message, and how one that arrives is
 * read. `registry.ts` lists them.
 */
import type { z } from 'zod'
import type { WireMessage } from '../../whatsapp/wire.ts'

/** The event's `message.type` (decisions.md §3). */
export type MessageType = 'text' | 'message_edit' | 'message_revoke' | 'unknown'

/** What an arrived message says, in the event's words. */
export interface Reading {
  type: MessageType
  /** Text or caption, `""` when there is none. */
  content: string
  /** Id of the message that an edit or a revocation is about. */
  changes: string | null
  mediaType: string | null
}

export interface IncomingKind {
  /** Null: not of this kind. */
  read(message: WireMessage): Reading | null
}

export interface Composed {
  message: WireMessage
  /** The answer's `messageType`. */
  messageType: string
  /** Text form of what is sent. */
  content: string
}

/** What composing may use. Everything in it has been checked. */
export interface Composing {
  /** Quote and mentions, in WhatsApp's form; null when there are none. */
  contextInfo: ContextInfo | null
  /** Title, description and thumbnail of the first link of a text; null when there is none to be had. Never throws. */
  linkPreview(text: string): Promise<LinkPreview | null>
}

type ContextInfo = NonNullable<NonNullable<WireMessage['extendedTextMessage']>['contextInfo']>

export type { ContextInfo }

export interface LinkPreview {
  /** As it stands in the text. */
  url: string
  title: string
  description: string
  /** JPEG. */
  thumbnail: Uint8Array | null
}

export interface OutgoingKind<Body extends z.ZodType> {
  /** `message.text`. */
  id: string
  path: `${string}/:instance`
  summary: string
  description?: string
  /** On top of the fields that all kinds share. */
  body: Body
  errors: readonly { status: number; message: string }[]
  /** What the schema cannot say. Throws 400. Runs before anything is looked up. */
  check(body: z.infer<Body>): void
  compose(body: z.infer<Body>, composing: Composing): Promise<Composed>
}
