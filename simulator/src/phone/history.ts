/**
 * What a phone has of the past, in the chunks a companion gets it in: what it has lived through (its log) and what it was given to remember. The
 * first chunk holds the last messages of each conversation, those after it what is not older than three months, the full ones the rest.
 */
import { proto } from 'baileys'
import type { PhoneIdentity } from '../ports.ts'
import { type AddressBook, userJid } from './addresses.ts'
import type { LogEntry, MessageLog } from './message-log.ts'
import type { Past } from './past.ts'
import { isPlace, STATUS_JID } from './sender-keys.ts'

const SyncType = proto.HistorySync.HistorySyncType

/** Messages lived through that a new companion gets. */
const RECENT = 1_000
/** Messages of one chunk. */
const CHUNK = 2_000
/** Of each conversation in the first chunk, of what was given to remember. */
const FIRST = 1
/** Messages handed out per on-demand request, whatever is asked. */
const ON_DEMAND = 200
const THREE_MONTHS = 90 * 86_400

/** Messages of a conversation, newest first, as phones send them. */
interface Strand {
  about: proto.IConversation
  count: number
  messages: Iterable<proto.IWebMessageInfo>
}

export class History {
  /** What the person was given to remember. */
  past: Past | undefined
  readonly #self: PhoneIdentity
  readonly #book: AddressBook
  readonly #log: MessageLog

  constructor({ self, book, log }: { self: PhoneIdentity; book: AddressBook; log: MessageLog }) {
    this.#self = self
    this.#book = book
    this.#log = log
  }

  /** For a new companion; `full`: it has asked for all there is. `now`: Unix seconds. */
  *all({ ownName, full, now }: { ownName: string; full: boolean; now: number }): Generator<proto.IHistorySync> {
    const [recent, stories] = divide(this.#log.newest(RECENT), ({ shown }) => shown.chat !== STATUS_JID)
    const last = new Set(new Map(recent.map((entry) => [entry.shown.chat, entry])).values())
    const { past } = this
    const turnOf = new Map(past?.chats.map((chat) => [chat, past.firstBefore(chat, now - THREE_MONTHS)]))
    const first = this.#strandsOf((chat) => [0, Math.min(FIRST, turnOf.get(chat) ?? 0)])
    const begin = conversationsOf([...this.#lived([...last]), ...first])
    yield { syncType: SyncType.INITIAL_BOOTSTRAP, conversations: begin, chunkOrder: 0 }
    if (stories.length > 0) yield { syncType: SyncType.INITIAL_STATUS_V3, statusV3Messages: stories.map(webMessage), chunkOrder: 0 }
    yield { syncType: SyncType.PUSH_NAME, pushnames: this.#pushNames(recent, ownName), chunkOrder: 0 }
    const rest = this.#lived(recent.filter((entry) => !last.has(entry)))
    const newer = this.#strandsOf((chat) => [FIRST, turnOf.get(chat) ?? 0])
    yield* this.#chunks(SyncType.RECENT, [...rest, ...newer])
    if (full)
      yield* this.#chunks(
        SyncType.FULL,
        this.#strandsOf((chat) => [turnOf.get(chat) ?? 0, chat.messages]),
      )
  }

  /** The last days of everything once more. */
  *since(time: number): Generator<proto.IHistorySync> {
    const entries = this.#log.newest(RECENT).filter(({ shown }) => shown.chat !== STATUS_JID && shown.timestamp >= time)
    const { past } = this
    const remembered = this.#strandsOf((chat) => [0, past?.firstBefore(chat, time) ?? 0])
    yield* this.#chunks(SyncType.FULL, [...this.#lived(entries), ...remembered])
  }

  /** Older messages of one chat. */
  before({
    chatJid,
    oldestMsgId,
    oldestMsgTimestampMs,
    onDemandMsgCount,
  }: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest): proto.IHistorySync {
    const count = Math.min(onDemandMsgCount ?? ON_DEMAND, ON_DEMAND)
    const jid = this.#book.person(chatJid ?? '')
    const { past } = this
    const chat = past?.find(jid) ?? past?.find(chatJid ?? '')
    const position = chat && past?.position(chat, oldestMsgId ?? '')
    // All that was lived through is newer than what was remembered.
    const lived = position === undefined ? this.#log.before(jid, oldestMsgId ?? '', count) : []
    const known = this.#log.find(jid, oldestMsgId ?? '') !== undefined
    const strands = this.#lived(lived)
    if (chat && past && lived.length < count) {
      const time = Number(oldestMsgTimestampMs ?? 0) / 1000
      const from = position === undefined ? (known ? 0 : past.firstBefore(chat, time)) : position + 1
      strands.push(...this.#strandsOf((other) => (other === chat ? [from, from + count - lived.length] : [0, 0])))
    }
    return { syncType: SyncType.ON_DEMAND, conversations: conversationsOf(strands), chunkOrder: 0, progress: 100 }
  }

  /** LIDs and numbers a companion could not know otherwise: of everybody the phone has met, and of whom a chunk speaks. */
  pairsIn({ conversations }: proto.IHistorySync): proto.IPhoneNumberToLIDMapping[] {
    const spokenOf = (conversations ?? []).flatMap(({ pnJid, lidJid }) => (pnJid && lidJid ? [{ pnJid, lidJid }] : []))
    return [...this.#book.pairs(), ...spokenOf]
  }

  /** Conversations cut into chunks; one that does not fit goes on in the next. There is always one chunk. */
  *#chunks(syncType: proto.HistorySync.HistorySyncType, strands: readonly Strand[]): Generator<proto.IHistorySync> {
    const total = strands.reduce((sum, { count }) => sum + count, 0)
    let conversations: proto.IConversation[] = []
    let chunkOrder = 0
    let told = 0
    let room = CHUNK
    for (const { about, messages } of strands) {
      let open: proto.IHistorySyncMsg[] | undefined
      for (const message of messages) {
        if (room === 0) {
          yield { syncType, conversations, chunkOrder, progress: Math.min(99, Math.floor((told / total) * 100)) }
          conversations = []
          open = undefined
          chunkOrder += 1
          room = CHUNK
        }
        if (open === undefined) {
          open = []
          conversations.push({ ...about, messages: open })
        }
        open.push({ message, msgOrderId: total - told })
        told += 1
        room -= 1
      }
    }
    yield { syncType, conversations, chunkOrder, progress: 100 }
  }

  #lived(entries: readonly LogEntry[]): Strand[] {
    const chats = new Map<string, LogEntry[]>()
    for (const entry of entries) {
      const messages = chats.get(entry.shown.chat)
      if (messages) messages.push(entry)
      else chats.set(entry.shown.chat, [entry])
    }
    return [...chats].map(([chat, messages]) => ({
      about: {
        id: chat,
        name: chat.endsWith('@g.us') ? undefined : messages.findLast(({ pushName }) => pushName)?.pushName,
        pnJid: chat.endsWith('@s.whatsapp.net') ? chat : undefined,
        lidJid: chat.endsWith('@s.whatsapp.net') ? lidOnly(this.#book.toLid(chat)) : undefined,
        conversationTimestamp: messages.at(-1)?.shown.timestamp,
      },
      count: messages.length,
      messages: messages.toReversed().map(webMessage),
    }))
  }

  /** Of each chat remembered the messages from one position to another. */
  #strandsOf(range: (chat: Past['chats'][number]) => [number, number]): Strand[] {
    const { past } = this
    if (past === undefined) return []
    return past.chats.flatMap((chat) => {
      const [from, to] = range(chat)
      const count = Math.min(to, chat.messages) - from
      return count > 0 ? [{ about: past.conversation(chat), count, messages: past.messages(chat, from, to) }] : []
    })
  }

  #pushNames(entries: readonly LogEntry[], ownName: string): proto.IPushname[] {
    const names = new Map([[this.#self.jid, ownName]])
    for (const { shown, pushName } of entries) if (pushName && !shown.fromMe) names.set(userJid(shown.from), pushName)
    for (const { lid, pushName } of this.past?.chats ?? []) if (lid) names.set(lid, pushName)
    return [...names].map(([id, pushname]) => ({ id, pushname }))
  }
}

const conversationsOf = (strands: readonly Strand[]): proto.IConversation[] =>
  strands.map(({ about, messages }) => ({ ...about, messages: [...messages].map((message) => ({ message })) }))

export function webMessage({ shown, content, pushName }: LogEntry): proto.IWebMessageInfo {
  const participant = isPlace(shown.chat) && !shown.fromMe ? shown.from : undefined
  return {
    key: { remoteJid: shown.chat, fromMe: shown.fromMe, id: shown.id, participant },
    message: proto.Message.fromObject(content),
    messageTimestamp: shown.timestamp,
    pushName,
    participant,
    status: shown.fromMe ? proto.WebMessageInfo.Status.DELIVERY_ACK : undefined,
  }
}

const lidOnly = (jid: string): string | undefined => (jid.endsWith('@lid') ? jid : undefined)

/** Those that fit, and the others. */
function divide<T>(items: readonly T[], fits: (item: T) => boolean): [T[], T[]] {
  return [items.filter(fits), items.filter((item) => !fits(item))]
}
