/**
 * Every table, as Kysely sees it; `migrations/` makes them. One schema for SQLite and PostgreSQL: times are milliseconds since 1970
 * (`bigint`), booleans are 0/1 integers, JSON is text, `Sealed` bytes are ciphertext of the vault. Whatever belongs to an instance
 * carries `instance_id` and goes with the instance's row, by `on delete cascade` from it or from the webhook; a test counts. An account
 * with instances cannot be deleted.
 */
import type { Generated } from 'kysely'

/** AES-256-GCM ciphertext made by the vault; meaningless without the key. */
export type Sealed = Uint8Array
export type Flag = 0 | 1

export interface Schema {
  accounts: AccountsTable
  instances: InstancesTable
  instance_configurations: InstanceConfigurationsTable
  session_credentials: SessionCredentialsTable
  signal_records: SignalRecordsTable
  inbox: InboxTable
  identities: IdentitiesTable
  contacts: ContactsTable
  contact_words: ContactWordsTable
  chats: ChatsTable
  messages: MessagesTable
  message_words: MessageWordsTable
  search_queue: SearchQueueTable
  media: MediaTable
  poll_votes: PollVotesTable
  labels: LabelsTable
  label_associations: LabelAssociationsTable
  label_versions: LabelVersionsTable
  webhooks: WebhooksTable
  events: EventsTable
  deliveries: DeliveriesTable
  delivery_lanes: DeliveryLanesTable
  delivered: DeliveredTable
  failed_attempts: FailedAttemptsTable
  idempotency_keys: IdempotencyKeysTable
  vault_checks: VaultChecksTable
}

export interface AccountsTable {
  id: string
  /** Unique. */
  name: string
  /** SHA-256 of the TokenAccount, hex; unique. The token itself is nowhere. */
  token_hash: string
  instance_quota: number | null
  requests_per_minute: number
  creates_per_minute: number
  /** JSON string[]; `*` allows all. */
  allowed_origins: string
  suspended: Flag
  created_at: number
}

export type InstanceState = 'disconnected' | 'connecting' | 'qr' | 'closed' | 'connected' | 'loggedout' | 'banned' | 'deleting'

export interface InstancesTable {
  /** Internal; everything the instance owns hangs on it, never on the name. */
  id: string
  account_id: string
  /** Unique within the account. */
  name: string
  /** SHA-256 of the TokenInstance, hex; unique over all accounts. */
  token_hash: string
  /** For the places that show it. */
  token: Sealed
  state: InstanceState
  /** Why it is in this state, a short word such as `lost`, `replaced`, `logged-out`. */
  state_reason: string | null
  /** What the owner wants: 1 = reconnect after a restart or a lost connection. */
  wanted: Flag
  /** `<digits>@s.whatsapp.net`, no device part. */
  number_jid: string | null
  lid: string | null
  profile_name: string | null
  picture_url: string | null
  business_name: string | null
  platform: string | null
  created_at: number
  updated_at: number
}

export type ConfigurationKind = 'settings' | 'proxy' | 's3' | 'websocket' | 'chatwoot'

/** One JSON document per kind; absent row = defaults. Sealed whole, since most of them hold a secret. */
export interface InstanceConfigurationsTable {
  instance_id: string
  kind: ConfigurationKind
  value: Sealed
}

/** The engine's credentials blob. Primary key `instance_id`. */
export interface SessionCredentialsTable {
  instance_id: string
  value: Sealed
}

/** Signal sessions, sender keys, prekeys, app-state keys…: primary key (instance_id, kind, id). */
export interface SignalRecordsTable {
  instance_id: string
  kind: string
  id: string
  value: Sealed
}

/** Stored before the receipt leaves; primary key (instance_id, hash). Removed by the transaction that records the message. */
export interface InboxTable {
  instance_id: string
  hash: string
  /** JSON object of the stanza's attributes. */
  attributes: string
  plaintext: Sealed
  received_at: number
  done: InboxState
}

/**
 * 0 = to be recorded. 1 = recorded; the row only stays so that the same ciphertext delivered again is recognised. 2 = its content could not
 * be read and is awaited. 3 = set aside: the message in it cannot be recorded, its content is kept for a while. 4 = it tells of history
 * that is not wholly stored yet.
 */
export type InboxState = 0 | 1 | 2 | 3 | 4

/** LID ⇄ number. Primary key (instance_id, lid); unique (instance_id, number). User parts only. */
export interface IdentitiesTable {
  instance_id: string
  lid: string
  number: string
}

/** What people call each other. Primary key (instance_id, jid); `jid` is the number's JID where it is known, else the LID. */
export interface ContactsTable {
  instance_id: string
  jid: string
  push_name: string | null
  saved_name: string | null
  /** 1: the announcement group of a community. Null: not known to be one. */
  announcement_group: number | null
  /** What a business is called as WhatsApp has verified it. */
  business_name: Generated<string | null>
  /** Most of the number hidden, of somebody known by LID alone. */
  redacted_phone: Generated<string | null>
  blocked: Generated<Flag>
  updated_at: number
}

/** Names of contacts by their words, to find them by. Primary key (instance_id, word, jid). */
export interface ContactWordsTable {
  instance_id: string
  /** As `runtime/words.ts` cuts it. */
  word: string
  jid: string
}

/**
 * Conversations, stories left out. Primary key (instance_id, chat); indices (instance_id, archived, last_at, last_seq, chat), over all and over those
 * that are unread, pinned, muted, favourites; and (instance_id, backwards).
 */
export interface ChatsTable {
  instance_id: string
  /** As in `messages`. */
  chat: string
  /** A number's digits from the last to the first, to find it by its end; `""` for others. */
  backwards: string
  /** Milliseconds, of the last message; 0 = none is known. */
  last_at: number
  /** `messages.seq` of it; 0 = it is not stored. */
  last_seq: number
  /** Messages of others nobody has read yet. */
  unread: number
  /** The account wants it to look unread. */
  marked_unread: Flag
  archived: Flag
  /** Since when, milliseconds. */
  pinned_at: number | null
  /** Milliseconds; -1 = for good. One that is over stays until the next change. */
  muted_until: number | null
  /** Its place among the favourites. */
  favorite: number | null
}

export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read' | 'played' | 'failed'

/** Primary key `seq`; unique (instance_id, message_id, chat, sender); index (instance_id, chat, sent_at, seq). */
export interface MessagesTable {
  seq: Generated<number>
  instance_id: string
  message_id: string
  /** Number's JID where it is known, else LID; group, newsletter or `status@broadcast`. */
  chat: string
  /** Author, same forms. */
  sender: string
  from_me: Flag
  /** The event's `message.type`: text, image, message_edit, … */
  type: string
  /** Text or caption, `""` when there is none. */
  content: string
  /** Who sent it through the API; `""` otherwise. */
  source: string
  status: MessageStatus
  push_name: string | null
  /** Id of the message this one answers, edits or revokes. */
  refers_to: string | null
  /** Newest text after edits; null when never edited. */
  edited_content: string | null
  revoked: Flag
  /** Kind of media (image, video, audio, document, sticker), null without. */
  media_type: string | null
  /** WAProto bytes, for retries, quotes, forwarding and media. */
  wire: Uint8Array
  /** By the account, for itself. */
  starred: Generated<Flag>
  /** Milliseconds, WhatsApp's clock. */
  sent_at: number
  /** Milliseconds, ours. */
  stored_at: number
  /** 1 = it came with the history, and nobody has been told of it. */
  from_history: Generated<Flag>
}

/**
 * The words of messages, by which they are found. On SQLite a full-text index (FTS5) that keeps no text, only `words`, and whose row numbers
 * are `moment << 32 | seq`; on PostgreSQL a table with a GIN index over `words` (tsvector). `chats/search/index-table.ts` knows both.
 */
export interface MessageWordsTable {
  /** SQLite alone. */
  rowid: Generated<bigint>
  /** PostgreSQL alone, the next two as well: `messages.seq`, whose row it goes with. */
  seq: Generated<number>
  instance_id: Generated<string>
  /** Seconds since 2008, of `messages.sent_at`. */
  moment: Generated<number>
  words: string
}

/** Messages whose words are to be indexed, anew or no more; triggers of `messages` put them in. Primary key `id`. */
export interface SearchQueueTable {
  id: Generated<number>
  /** `messages.seq`; there may be none any more. */
  seq: number
  /** Where it may stand in the index already; null: nowhere. */
  moment: number | null
}

/** What each voter chose last. Primary key (instance_id, chat, poll_id, voter); a poll is named by chat and message id. */
export interface PollVotesTable {
  instance_id: string
  chat: string
  poll_id: string
  /** Number's JID where it is known, else the LID. */
  voter: string
  /** Id of the message that brought the vote. */
  vote_id: string
  /** JSON string[]: SHA-256 of each option chosen, upper-case hex. */
  options: string
  /** Milliseconds, the voter's clock. */
  voted_at: number
}

/** Primary key (instance_id, id). Deleted ones stay, nameless to the API: their ids must not be given to others. */
export interface LabelsTable {
  instance_id: string
  /** WhatsApp's: digits. */
  id: string
  name: string
  /** A number of WhatsApp's palette. */
  color: number
  /** WhatsApp's word for what it is: CUSTOM, PREDEFINED, … */
  type: string
  /** Which of the labels every business begins with; null for the others. */
  predefined: number | null
  deleted: Flag
}

/** What carries which label. Primary key (instance_id, chat, label_id, message_id); index (instance_id, label_id). */
export interface LabelAssociationsTable {
  instance_id: string
  /** Number's JID where it is known, else the LID; group or newsletter. */
  chat: string
  /** There may be none of this id (yet): WhatsApp tells them in any order. */
  label_id: string
  /** `""` when it is the chat itself. */
  message_id: string
  /** The chat as WhatsApp's own record names it, by which alone it can be changed. */
  named: string
}

/** How far labels have been told: the version of WhatsApp's collection, so that nothing counts twice. Primary key instance_id. */
export interface LabelVersionsTable {
  instance_id: string
  version: number
}

/** `download`: to be had from WhatsApp. `upload`: here, to be put into the instance's bucket. `lost`: nobody has it any more. */
export type MediaState = 'download' | 'upload' | 'stored' | 'lost'

/**
 * The media of messages, and the queue of the worker that fetches it. Primary key `id`; indices (instance_id, message_id), and over what is
 * left to do (next_attempt_at), (instance_id), over what is kept here (instance_id, sha256), (stored_at).
 */
export interface MediaTable {
  /** Ours; events name it as `message.media.blob`, and objects in a bucket are called after it. */
  id: string
  instance_id: string
  message_id: string
  /** Chat and author as the message had them when it came. */
  chat: string
  sender: string
  from_me: Flag
  /** image, video, audio, document, sticker. */
  type: string
  mime_type: string
  file_name: string | null
  /** JSON: where WhatsApp has it and with which key. */
  reference: Sealed
  state: MediaState
  /** Of the content, hex; null until it is here. */
  sha256: string | null
  /** Bytes. */
  size: number | null
  /** 1 = the content lies in our folder. */
  local: Flag
  /** Its name in the instance's bucket once it is there, and where to find it. */
  bucket_key: string | null
  s3_url: string | null
  attempts: number
  /** Null = nothing is left to do. */
  next_attempt_at: number | null
  last_error: string | null
  created_at: number
  stored_at: number | null
}

/** Unique (instance_id, label). */
export interface WebhooksTable {
  id: string
  instance_id: string
  label: string
  enabled: Flag
  /** Sealed, since people put secrets into query strings. */
  url: Sealed
  authorization: Sealed
  by_events: Flag
  /** JSON string[] in the order given; `[]` = all. */
  events: string
  media_base64: Flag
  /** Standard Webhooks signing secret `whsec_…`. */
  signing_secret: Sealed
  /** Those it replaced and until when they sign too: JSON `[{ secret, until }]`, newest first. Null = none. */
  former_secrets: Sealed | null
  /** Failures in a row; five open the circuit. */
  failures: number
  updated_at: number
}

/** The event log. Ids grow with time (ULID), so `id` is also the order and the cursor. Index (instance_id, id). */
export interface EventsTable {
  id: string
  instance_id: string
  /** `message.exchange`, … */
  name: string
  /** What keeps its order: the chat's JID, or `""`. */
  lane: string
  /** JSON of the envelope's `data`. */
  data: string
  created_at: number
}

/**
 * One row per (event, webhook) not yet taken; becomes a row of `delivered` when it is. Primary key (webhook_id, state, lane, event_id), so
 * that the oldest waiting one of a lane is found without stepping over dead ones; index (webhook_id || '', state, event_id) for lists and
 * for the retention of events.
 */
export interface DeliveriesTable {
  webhook_id: string
  lane: string
  event_id: string
  instance_id: string
  /** Failed so far; begins again with a redelivery. */
  attempts: number
  /** Failed before the last redelivery. */
  earlier_attempts: Generated<number>
  /** `waiting` or `dead` (dead letter). */
  state: 'waiting' | 'dead'
  /** Status of the last answer, null when there was none. */
  last_status: number | null
  last_error: string | null
  /** Of the delivery: a redelivery is younger than its event. */
  created_at: number
}

/**
 * One row per (webhook, lane) that has something waiting: the unit a worker claims, so that order per chat holds and claiming never scans
 * the deliveries. Primary key (webhook_id, lane); index (webhook_id, next_attempt_at). A lease is `next_attempt_at` moved to the lease's end.
 */
export interface DeliveryLanesTable {
  webhook_id: string
  lane: string
  instance_id: string
  next_attempt_at: number
}

/** The last attempt that was taken, per (webhook, event); kept as long as events are. Primary key (webhook_id, event_id). */
export interface DeliveredTable {
  webhook_id: string
  event_id: string
  instance_id: string
  /** When the attempt began. */
  at: number
  duration_ms: number
  status: number
  /** Its first bytes. */
  answer: string
}

/** The newest failed attempts per (webhook, event), a bounded number. Primary key (webhook_id, event_id, number); numbers count from 1. */
export interface FailedAttemptsTable {
  webhook_id: string
  event_id: string
  number: number
  instance_id: string
  at: number
  duration_ms: number
  /** Null when there was no answer. */
  status: number | null
  error: string
  answer: string
}

/** Requests with an Idempotency-Key. Primary key `id`; indices (account_id), (instance_id), (created_at). */
export interface IdempotencyKeysTable {
  /** SHA-256 of who called and the key, hex. */
  id: string
  account_id: string
  /** Null when the request names no instance. */
  instance_id: string | null
  /** SHA-256 of path and body, hex. */
  request: string
  /** 16 hex digits: what the ids of a message that is sent under this key are made of. */
  seed: string
  /** Null until it is answered. */
  status: number | null
  /** JSON of the answer's body. */
  answer: Sealed | null
  created_at: number
}

/** One sealed known text per vault key, so that a wrong key is noticed at start. */
export interface VaultChecksTable {
  key_id: string
  value: Sealed
}
