/**
 * The two doors between the simulated network and a simulated phone.
 *
 * A phone is device 0 of its account. It exchanges the very stanzas a companion device exchanges (message, receipt, ack, iq,
 * presence, chatstate, notification); only the Noise transport between it and the server is left out. The network never looks
 * into a phone, and a phone knows nothing but what its stanzas say.
 */
import type { BinaryNode, proto } from 'baileys'

/** What a phone can ask of the network. */
export interface Uplink {
  /** Sends a stanza that wants no correlated answer: `message`, `receipt`, `ack`, `presence`, `chatstate`, `notification` acks. */
  send(stanza: BinaryNode): void
  /** Sends an `iq` (its `id` is set here) and gives the answer; throws {@link IqError} on `type=error`. */
  query(iq: BinaryNode): Promise<BinaryNode>
}

/** An `<iq type=error>` answer. */
export class IqError extends Error {
  readonly code: number
  constructor(code: number, text: string) {
    super(`${code} ${text}`)
    this.code = code
  }
}

/** What `sendMessage` and `call` throw when the address belongs to nobody on the network. */
export class UnknownPersonError extends Error {
  constructor(jid: string) {
    super(`${jid} is not on WhatsApp`)
  }
}

export interface PhoneIdentity {
  /** International digits, e.g. `5511987654321`. */
  number: string
  /** `<number>@s.whatsapp.net` */
  jid: string
  /** `<digits>@lid` */
  lid: string
  name: string
  business: boolean
}

/** A message as the phone itself decrypted it (or sent it, `fromMe`), in the shape of the control API. */
export interface PhoneMessage {
  /** Position in the phone's own log, starting at 1, growing by one. */
  cursor: number
  id: string
  /** The conversation: a user's `@s.whatsapp.net` jid where the number is known, else the `@lid`; `@g.us`; `status@broadcast`. */
  chat: string
  /** Who wrote it, without device part. */
  from: string
  fromMe: boolean
  /** Unix seconds. */
  timestamp: number
  /** The protobuf field that carries the content: `conversation`, `extendedTextMessage`, `imageMessage`, `protocolMessage`, … */
  type: string
  /** Text or caption, `""` when there is none. */
  text: string
  /** The decrypted WAProto Message as JSON (bytes in base64). */
  message: Record<string, unknown>
  /** What it changes, as its stanza said: 1 and 3 an edit, 2 a pin, 7 and 8 a revocation; absent for what is new. */
  edit?: string
  /** Why a real phone would show nothing of it, though it came; absent when it would show it. */
  unrendered?: string
}

/** What a companion gave in its QR text or pairing hello, as much as the phone needs to sign it in. */
export interface CompanionKeys {
  /** 32 bytes, Curve25519 identity public key without type byte. */
  identity: Uint8Array
  /** 32 bytes; from the QR text, or derived in the pairing-code exchange. */
  advSecret: Uint8Array
}

/** First half of the pairing-code exchange, as the server relays it (engine.md §9.3). */
export interface CompanionHello {
  /** salt 32 ‖ iv 16 ‖ AES-CTR(ephemeral public key), as sent in `link_code_pairing_wrapped_companion_ephemeral_pub`. */
  wrappedEphemeral: Uint8Array
  /** Noise static public key of the companion (`companion_server_auth_key_pub`). */
  serverAuthKey: Uint8Array
}

/** One exchange by pairing code, held between hello and finish. */
export interface PairingCodeExchange {
  /** Goes to the companion as `link_code_pairing_wrapped_primary_ephemeral_pub` (salt 32 ‖ iv 16 ‖ ciphertext). */
  readonly wrappedPrimaryEphemeral: Uint8Array
  /** Goes to the companion as `primary_identity_pub`, 32 bytes. */
  readonly primaryIdentity: Uint8Array
  /**
   * Opens `companion_finish` (salt 32 ‖ iv 12 ‖ AES-GCM bundle) and derives the ADV secret.
   * Throws when the bundle does not open, i.e. the code typed was another one.
   */
  finish(input: { wrappedKeyBundle: Uint8Array; companionIdentity: Uint8Array }): CompanionKeys
}

/** What the network and the control API ask of a phone. */
/** `question` is the message id of the poll or event, or of the message reacted to, commented on or edited. */
export type PhoneAnswer =
  | { kind: 'vote'; question: string; options: readonly string[] }
  | { kind: 'response'; question: string; response: 'GOING' | 'NOT_GOING' | 'MAYBE'; guests?: number }
  /** Sealed, as in announcement groups of communities. */
  | { kind: 'reaction'; question: string; emoji: string }
  | { kind: 'comment'; question: string; text: string }
  /** Of an own message, as phones send it since May 2026. An event gets a new name. */
  | { kind: 'edit'; question: string; text: string }
  | (PhoneTap & { kind: 'tap' })

/** Exactly one of `button` (id), `row` (id) and `form` (what is filled in), in a message the phone shows; `card` of a carousel, from 0. */
export interface PhoneTap {
  message: string
  card?: number
  button?: string
  row?: string
  form?: Record<string, unknown>
}

/** Conversations to be made up, with as many messages each, spread over the last days. The last ones are groups. */
export interface PastWish {
  chats: number
  messages: number
  days: number
  groups: number
  /** Whom the first conversations are with; the others are with people who are not on the network. */
  people: readonly { jid: string; lid: string; name: string }[]
}

/** A conversation that was made up. */
export interface PastChat {
  jid: string
  /** Not of groups. */
  lid: string | undefined
  /** What the phone calls it. */
  name: string
  /** What the person calls themself. */
  pushName: string
  saved: boolean
  messages: number
  unread: number
  /** Ids of the first and the last message. */
  newest: string
  oldest: string
}

export interface PhonePort {
  readonly identity: PhoneIdentity
  /** Makes keys and uploads them through the uplink like any device does. */
  start(): Promise<void>
  /** A stanza from the network. Phones process in order; never throws, never blocks. */
  receive(stanza: BinaryNode): void
  /** ADVSignedDeviceIdentityHMAC bytes for the `device-identity` of pair-success. */
  signCompanion(keys: CompanionKeys, keyIndex: number): Uint8Array
  /** Types a pairing code the person reads off the companion's screen. */
  startPairingCode(code: string, hello: CompanionHello): PairingCodeExchange
  /** A companion has logged in for the first time: shares the app-state key and the history with it. `deviceJid` is `number:n@s.whatsapp.net`. */
  deviceLinked(deviceJid: string, wish?: { fullHistory: boolean }): Promise<void>
  /** Gives the phone a past (instead of the one it was given before), for companions that link from now on or ask. */
  remember(past: PastWish): readonly PastChat[]
  deviceUnlinked(deviceJid: string): void
  /**
   * Encrypts for every device of the receiver and the own companions, and sends. In groups and for stories under the phone's sender key.
   * `media` is encrypted and uploaded first, and its keys are filled into the media field of `message`.
   */
  sendMessage(input: {
    to: string
    message: proto.IMessage
    id?: string
    editAttribute?: string
    media?: { bytes: Uint8Array; mimetype: string }
    /** Whom a story (`to: status@broadcast`) is for, or a broadcast list (`<digits>@broadcast`); default everybody the phone knows. */
    audience?: string[]
  }): Promise<{ id: string; timestamp: number }>
  /** The message that brings a vote or an answer to an event, for `sendMessage`. Throws when the phone cannot answer that. */
  sealAnswer(to: string, answer: PhoneAnswer): Promise<proto.IMessage>
  /** Asks the network for something the person does in the app; gives the answer, throws {@link IqError}. */
  ask(iq: BinaryNode): Promise<BinaryNode>
  /** Downloads and decrypts the media of the message at `cursor`; throws when there is none. */
  media(cursor: number): Promise<{ bytes: Uint8Array; mimetype: string }>
  sendReceipts(input: { chat: string; ids: string[]; type: 'read' | 'played' }): void
  sendPresence(input: { to?: string; state: 'composing' | 'recording' | 'paused' | 'available' | 'unavailable' }): void
  /** Log after `cursor`; with `waitMs` the promise is held until there is something or the time is over. */
  messages(after: number, waitMs: number): Promise<{ messages: PhoneMessage[]; cursor: number }>
  /** Own settings that change what the phone does by itself. */
  configure(patch: { name?: string; echo?: boolean; autoRead?: boolean }): void
  /** Rings the other side (`call` stanza with an `offer`); gives the call id. */
  call(input: { to: string; video?: boolean }): Promise<{ callId: string }>
  /** Picks up an incoming call that rings; anything else is ignored. */
  acceptCall(callId: string): void
  /** Hangs up: an incoming call that still rings is rejected, any other is terminated. Unknown ids are ignored. */
  endCall(callId: string): void
  readonly calls: readonly {
    callId: string
    peer: string
    direction: 'in' | 'out'
    state: 'ringing' | 'accepted' | 'rejected' | 'terminated'
  }[]
  /** Deletes the media files the phone keeps; it can upload none of them again. */
  forgetMedia(): void
  /** Something the person does on the phone, as every device of the account will see it. `action` is a `SyncActionValue` as JSON. */
  changeAppState(input: { collection: string; index: string[]; action: Record<string, unknown> | null }): Promise<void>
  /** The phone writes app state with a new key, which its companions get at once, when they ask, or not at all. */
  renewAppStateKey(sharing: 'now' | 'asked' | 'never'): Promise<void>
  /** Current app-state the phone knows from patches it could decrypt, by collection. */
  appState(): Record<string, unknown>
  /** Releases readers held by {@link PhonePort.messages} and stops asking the network for anything. */
  close(): void
}

/** Where encrypted media goes and comes from: the media host of the network, handed to the phone. */
export interface MediaTransfer {
  /** Stores ciphertext under a path of `kind` (`image`, `video`, `audio`, `document`, …). */
  upload(input: { bytes: Uint8Array; fileEncSha256: Uint8Array; kind: string }): Promise<{ url: string; directPath: string }>
  /** Fetches ciphertext by what the message says about it. */
  download(location: { url?: string; directPath?: string }): Promise<Uint8Array>
}
