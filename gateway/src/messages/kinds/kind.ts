/**
 * A kind of message, one file each, both directions: what a caller sends and how it becomes WhatsApp's message, and how one that arrives is
 * read. `registry.ts` lists them.
 */
import type { z } from 'zod'
import type { MediaSource, UploadedFile, Wanted } from '../../media/media.ts'
import type { Address, Capability, EngineSession, SendExtras } from '../../whatsapp/engine.ts'
import type { WireMessage } from '../../whatsapp/wire.ts'
import type { StoredMessage } from '../message-repository.ts'
import type { OpenedAnswer } from './sealed-answer.ts'

/** The event's `message.type` (decisions.md §3). */
export type MessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contact'
  | 'reaction'
  | 'poll'
  | 'poll_update'
  | 'event'
  | 'event_response'
  | 'buttons_response'
  | 'list_response'
  | 'template_button_reply'
  | 'interactive'
  | 'message_edit'
  | 'message_revoke'
  | 'unknown'

/** What an arrived message says, in the event's words. */
export interface Reading {
  type: MessageType
  /** Text or caption, `""` when there is none. */
  content: string
  /** Id of the message that an edit or a revocation is about. */
  changes: string | null
  mediaType: string | null
  /** Id of the message that a reaction, a vote or an answer is about. */
  about?: string
  /** What somebody chose in a poll, once it could be read. */
  vote?: Vote
  /** What else the event's `message` says, e.g. `location` or `poll` (core.md §7.2 B); media is added by whoever knows where it is kept. */
  details?: Record<string, unknown>
}

export interface Vote {
  pollId: string
  /** Hashes of all options chosen; none = the vote was taken back. */
  options: readonly string[]
  /** Milliseconds, the voter's clock. */
  votedAt: number
}

export interface IncomingKind {
  /** Null: not of this kind. `opened` is what a vote or an answer to an event says, where it could be decrypted. */
  read(message: WireMessage, opened?: OpenedAnswer): Reading | null
}

export interface Composed {
  message: WireMessage
  /** The answer's `messageType`. */
  messageType: string
  /** Text form of what is sent; null: it has none, and the answer does not name it. */
  content: string | null
  /** What else the answer's `data` says, e.g. `mediaUrl`. */
  answer?: Record<string, unknown>
  /** How its stanza differs from that of a text. */
  extras?: SendExtras
  /** What it says, where it is sealed. */
  opened?: OpenedAnswer
}

/** What composing may use. Everything in it has been checked. */
export interface Composing {
  /** Quote and mentions, in WhatsApp's form; null when there are none. */
  contextInfo: ContextInfo | null
  /** Title, description and thumbnail of the first link of a text; null when there is none to be had. Never throws. */
  linkPreview(text: string): Promise<LinkPreview | null>
  /** The id the message will have. */
  id: string
  to: Address
  self: Address
  session: EngineSession
  /**
   * Fetches a caller's media, converts it and uploads it to WhatsApp; the file is taken care of. Throws the documented 400s. A kind that
   * uses it declares `longValues`, and its fields with `longText()`.
   */
  attach(source: MediaSource, wanted: Wanted): Promise<UploadedFile>
  /** A stored message of this chat, e.g. the one that is reacted to; null when there is none. */
  stored(messageId: string): Promise<StoredMessage | null>
  /** Both forms of an address, and whether it is the announcement group of a community, as far as is known here. */
  known(address: Address): Promise<Address & { isCommunity?: true }>
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

export interface OutgoingKind<Body extends z.ZodObject = z.ZodObject> {
  /** `message.text`. */
  id: string
  /** Of the engine. */
  needs: readonly Capability[]
  path: `${string}/:instance`
  summary: string
  description?: string
  /** On top of the fields that all kinds share. */
  body: Body
  /** Always goes there; the body has no recipient then. */
  to?: 'status@broadcast'
  /** The body may hold media as base64, or as an uploaded file. */
  longValues?: boolean
  /** Takes no `delay`, `replyTo` and mentions. */
  plain?: boolean
  /** Of the answer's `data`, beside the fields all kinds share. */
  answer?: z.ZodRawShape
  errors: readonly { status: number; message: string }[]
  /** What the schema cannot say. Throws 400. Runs before anything is looked up. */
  check(body: z.infer<Body>): void
  /** The answer's `message`, where it is not that of a text. */
  confirmation?(body: z.infer<Body>): string | undefined
  compose(body: z.infer<Body>, composing: Composing): Promise<Composed>
}

/** What `registry.ts` lists: each kind has a body of its own, which only the kind itself looks into. */
export const outgoingKind = <Body extends z.ZodObject>(kind: OutgoingKind<Body>): OutgoingKind => kind as unknown as OutgoingKind
