/**
 * The port to WhatsApp, in our words. Features know this file and nothing of the library behind it; an adapter in `adapters/` fills it.
 *
 * A session is one attempt to be linked: it starts, reports what happens, and ends with exactly one `closed` event, after which it is
 * dead. Deciding when to try again is the instance life cycle's business, not the engine's.
 */
import type { Logger } from '../runtime/logging.ts'
import type { Address, MessageKey } from './address.ts'
import type { CallSession } from './calls.ts'
import type { Capability } from './capabilities.ts'
import type { ChatActionSession } from './chat-actions.ts'

import type { ChatChange } from './chat-changes.ts'
import type { CommunitySession } from './communities.ts'

import type { GroupNews, GroupSession } from './groups.ts'
import type { HistoryPart, HistorySession } from './history.ts'
import type { LabelNews, LabelSession } from './labels.ts'
import type { MediaSession } from './media.ts'
import type { ChannelReaction, NewsletterSession } from './newsletters.ts'
import type { ProfileSession } from './profile.ts'
import type { ReceivedMessage } from './received-message.ts'
import type { StorySession } from './stories.ts'
import type { WireMessage } from './wire.ts'

export type { Address, Capability, MessageKey, ReceivedMessage }

export interface EngineFactory {
  /** What this engine can do; an operation whose capability is missing answers 501. */
  readonly capabilities: ReadonlySet<Capability>
  /** Makes a session without connecting; `start` connects. */
  open(options: SessionOptions): EngineSession
  /** Reads an inbox row that a crash left behind, exactly as the live event would have been. Null: nothing a person would see. */
  readInbox(row: InboxRow, self: Address): ReceivedMessage | null
  /** The same message without its content, of a row whose content nobody can read. Null: it could not have been one for people. */
  withoutContent(row: Pick<InboxRow, 'attributes' | 'receivedAt'>, self: Address): ReceivedMessage | null
  /** The same for rows that hold news of a group; null for all others. Throws when the row is damaged. */
  readGroupNews(row: InboxRow, self: Address): GroupNews | null
  /** The instance is gone for good, its sessions have ended: nothing of them is remembered any more. */
  forget(instanceId: string): void
}

export interface SessionOptions {
  instanceId: string
  store: SessionStore
  identities: IdentityStore
  proxy: ProxyConfiguration | null
  /** Days of history wanted, asked for at the first pairing; null: as an earlier session of this link wanted, else none. */
  historyDays: number | null
  /** Announce presence `available` on connect and keep it. */
  keepOnline: boolean
  /** The stored message of this id, for peers that could not decrypt it and ask again. */
  storedMessage(id: string): Promise<WireMessage | null>
  logger: Logger
  /**
   * Called in order, one event at a time: the next one waits for the promise. Must not throw, and must not await `stop` or `logout` of
   * its own session: those wait for the events to be taken.
   */
  onEvent(event: EngineEvent): void | Promise<void>
}

export interface EngineSession
  extends MediaSession,
    GroupSession,
    CommunitySession,
    CallSession,
    ChatActionSession,
    HistorySession,
    LabelSession,
    StorySession,
    ProfileSession,
    NewsletterSession {
  /** Begins to connect; what comes of it arrives as events. Calling it twice is an error. */
  start(): void
  /** Closes the socket without logging out. Resolves when nothing of the session runs any more; safe to call in any state. */
  stop(): Promise<void>
  /** Unlinks the device at WhatsApp. Throws {@link EngineError} when WhatsApp did not confirm. Closes the session either way. */
  logout(): Promise<void>
  /** Asks for an 8-character pairing code for this number (digits). Only while waiting to be paired. */
  requestPairingCode(number: string): Promise<string>
  /**
   * Encrypts and sends. Resolves when the stanza has been written; WhatsApp's own verdict follows as `server-ack`.
   * `id` is fixed by the caller before the first try, so a second try can never become a second message.
   */
  send(to: Address, message: WireMessage, options: SendOptions): Promise<{ timestamp: number }>
  /** Sends `read` receipts as far as the privacy settings allow. */
  markRead(messages: readonly MessageKey[]): Promise<void>
  setPresence(presence: 'available' | 'unavailable'): Promise<void>
  setChatState(to: Address, state: 'composing' | 'recording' | 'paused'): Promise<void>
  rejectCall(call: { id: string; from: Address }): Promise<void>
  /** Which of these numbers (digits) are on WhatsApp. One answer per number, in order. At most 50. */
  lookUpNumbers(numbers: readonly string[], options?: LookUpOptions): Promise<NumberLookUp[]>
  /** URL of a profile picture, null when there is none or it is hidden. */
  profilePicture(of: Address): Promise<string | null>
}

/** How the stanza of a message differs from that of a text. */
export interface SendExtras {
  /** `edit`: by the author; `revoke`: by the author; `admin-revoke`: by an admin of the group, of somebody else's message; `pin`: pinned for all. */
  edit?: 'edit' | 'revoke' | 'admin-revoke' | 'pin'
  /** Further children of the stanza; default what `stanza-nodes.ts` finds that the message needs, e.g. `biz` for one with buttons. */
  nodes?: readonly StanzaNode[]
  /** Who may see a story; only for `status@broadcast`. */
  audience?: readonly Address[]
}

export interface SendOptions extends SendExtras {
  id: string
}

export interface StanzaNode {
  tag: string
  attrs: Readonly<Record<string, string>>
  content?: readonly StanzaNode[] | Uint8Array | string
}

export interface LookUpOptions {
  /** They are written to next: what that needs to be known of them is asked for with the same question. Default false. */
  toWrite?: boolean
}

export interface NumberLookUp {
  number: string
  exists: boolean
  /** Set when it exists. WhatsApp decides the form, e.g. without Brazil's ninth digit. */
  address: Address | null
}

export type ReceiptStatus =
  | 'server'
  | 'delivered'
  | 'read'
  | 'played'
  | 'read_self'
  | 'played_self'
  | 'sender'
  | 'retry'
  | 'inactive'
  | 'server_error'

export type EngineEvent =
  /** A QR text to show; each new one replaces the last. `expiresAt` in ms. */
  | { type: 'qr'; text: string; expiresAt: number }
  /** The phone accepted us; the session goes on by itself to `open`. */
  | { type: 'paired'; self: Address; platform: string | null; businessName: string | null }
  /** Logged in: sends are possible from here on. */
  | { type: 'open'; self: Address; name: string | null }
  /** The end of this session; nothing follows. */
  | { type: 'closed'; reason: CloseReason; detail: string }
  /** `inbox` names the durable row this came from; the recorder settles it in the transaction that stores the message. */
  | { type: 'message'; message: ReceivedMessage; inbox: string | null }
  /** `inbox` as for messages: news that came before is settled already, and told to nobody again. */
  | { type: 'group'; news: GroupNews; inbox: string }
  /** `sender` issued the receipt; `fromMe`: it was another device of ours (`read_self`, `played_self`, `sender`). */
  | { type: 'receipt'; ids: string[]; chat: Address; sender: Address; fromMe: boolean; status: ReceiptStatus; timestamp: number }
  /** WhatsApp took the message (`error: null`) or refused it (WhatsApp's code). */
  | { type: 'server-ack'; id: string; to: Address; error: number | null }
  | { type: 'call'; call: IncomingCall }
  | { type: 'channel-reaction'; reaction: ChannelReaction }
  /**
   * `savedName` is the name in the address book (empty: it stands there no longer), or what a group is called; `businessName` what WhatsApp
   * has verified that a business is called. `isAnnouncementGroup`: of a community. Left out where unknown.
   */
  | {
      type: 'contact'
      address: Address
      pushName: string | null
      savedName: string | null
      businessName?: string | null
      isAnnouncementGroup?: boolean
    }
  /**
   * Labels were changed, here or elsewhere. `stored` is called when it is durable: until then it counts as unread, and is told again, as it
   * also is when a crash comes between. Versions tell what is known already.
   */
  | { type: 'labels'; news: LabelNews; stored(): void }
  /**
   * Something was done with chats or messages, by us or on another device of the account. `stored` is called when it is durable: until then
   * it counts as unread, and is told again.
   */
  | { type: 'chat'; changes: readonly ChatChange[]; stored(): void }
  /** What WhatsApp shows of the numbers of people who are known by LID alone. */
  | { type: 'masked-numbers'; people: readonly { address: Address; maskedNumber: string }[] }
  /** Own profile as WhatsApp reports it. */
  | { type: 'profile'; name: string | null }
  | ({ type: 'history' } & HistoryPart)

export interface IncomingCall {
  id: string
  from: Address
  status: 'offer' | 'accepted' | 'rejected' | 'terminated' | 'notification' | 'latency'
  isVideo: boolean
  isGroup: boolean
  groupJid: string | null
  timestamp: number
}

/**
 * Why a session ended. `stopped`: we asked. `lost`: network, time-out or server restart (retry with backoff). `proxy`: the instance's proxy
 * is out of reach, refuses us or is at an address that is not allowed (retry with backoff; never around it). `replaced`: another
 * client took over (do not retry). `logged-out`: unlinked or credentials refused (forget the session). `banned`, `outdated`: do not retry.
 * `qr-expired`: nobody scanned. `storage`: the store failed, the session stopped itself before acknowledging anything (retry with backoff).
 */
export type CloseReason =
  | 'stopped'
  | 'lost'
  | 'proxy'
  | 'restart'
  | 'replaced'
  | 'logged-out'
  | 'banned'
  | 'outdated'
  | 'qr-expired'
  | 'bad-session'
  | 'storage'

export type EngineErrorCode =
  | 'timeout'
  | 'not-connected'
  | 'not-registered'
  | 'rejected'
  | 'rate-limited'
  | 'unsupported'
  | 'logged-out'
  /** Something has to come from the phone first. */
  | 'not-ready'
  /** Others kept changing the same thing at the same moment. */
  | 'conflict'
  /** Media: nobody has it any more, is not what the message says (app state: cannot be verified), is larger than was asked for. */
  | 'gone'
  | 'damaged'
  | 'too-large'

export class EngineError extends Error {
  readonly code: EngineErrorCode
  /** WhatsApp's numeric code, when it gave one. */
  readonly serverCode: number | null
  constructor(code: EngineErrorCode, message: string, serverCode: number | null = null) {
    super(message)
    this.code = code
    this.serverCode = serverCode
  }
}

export interface ProxyConfiguration {
  protocol: 'http' | 'https' | 'socks5'
  host: string
  port: number
  username: string | null
  password: string | null
}

/**
 * Where a session keeps what must survive: the engine owns no file and no table. Implemented over the database by
 * `session-store.ts` and in memory for tests. Values are opaque bytes; sealing them is the store's business.
 */
export interface SessionStore {
  loadCredentials(): Promise<Uint8Array | null>
  saveCredentials(bytes: Uint8Array): Promise<void>
  /** Records that exist among `ids`. */
  load(kind: string, ids: readonly string[]): Promise<Map<string, Uint8Array>>
  /** All of it becomes durable in one commit, or none. Resolves when it is. */
  commit(batch: StoreBatch): Promise<void>
  /** A row committed before; lets a re-delivered ciphertext be answered without decrypting twice. */
  findInbox(hash: string): Promise<KnownStanza | null>
  /** Stanzas without readable content that nobody has given up yet, newest first, at most `limit`. */
  loadAwaited(limit: number): Promise<InboxRow[]>
  /** The first row that told of history not wholly stored yet, in the order they came, after `after`; null: there is none. */
  nextHistory(after: Pick<InboxRow, 'hash' | 'receivedAt'> | null): Promise<InboxRow | null>
  /** Forgets credentials and every record. */
  clear(): Promise<void>
}

export interface StoreBatch {
  put: { kind: string; id: string; value: Uint8Array }[]
  remove: { kind: string; id: string }[]
  inbox?: readonly InboxRow[]
  /** Stanzas whose content could not be read: if it never comes, they are reported without it. Known ones stay as they are. */
  awaited?: readonly InboxRow[]
  /** Stanzas that tell of history: theirs is a state of its own until all of it is stored. Known ones stay as they are. */
  history?: readonly InboxRow[]
  /** Hashes of inbox rows that hold nothing to record: from now on they are only there to be recognised. */
  settleInbox?: readonly string[]
}

/** `recorded`: the transaction that stores the message is done (or there was none to store), and the row's plaintext is gone. */
export interface KnownStanza {
  row: InboxRow
  recorded: boolean
}

/** One decrypted stanza between the commit that moved the ratchet and the transaction that records the message. */
export interface InboxRow {
  /** SHA-256 of the ciphertext, hex: the same stanza delivered again has the same one. Awaited stanzas have one of another kind. */
  hash: string
  /** The stanza's own attributes (id, from, participant, t, notify, recipient, sender_lid, …). */
  attributes: Record<string, string>
  /** Decrypted, padding removed. */
  plaintext: Uint8Array
  /** Milliseconds. */
  receivedAt: number
}

/** LID ⇄ number, per instance. Implemented by `identities.ts`. Numbers and LIDs are user parts (digits). */
export interface IdentityStore {
  lidsOf(numbers: readonly string[]): Promise<Map<string, string>>
  numbersOf(lids: readonly string[]): Promise<Map<string, string>>
  learn(pairs: readonly { number: string; lid: string }[]): Promise<void>
}
