/**
 * What a phone tells its companions outside of any conversation: the app-state key and the history when one links, and answers to
 * their `peer` requests (keys, older messages, a message they could not read). Shapes: engine.md §9.3.
 */
import { deflateSync } from 'node:zlib'
import { generateMessageID, proto } from 'baileys'
import type { PhoneIdentity } from '../ports.ts'
import { type AddressBook, userJid } from './addresses.ts'
import type { AppState } from './app-state.ts'
import type { LogEntry, MessageLog } from './message-log.ts'
import type { Outbox } from './outbox.ts'
import { isPlace, STATUS_JID } from './sender-keys.ts'

const ProtocolType = proto.Message.ProtocolMessage.Type
const SyncType = proto.HistorySync.HistorySyncType
const PeerRequest = proto.Message.PeerDataOperationRequestType

/** Messages of the recent history a new companion gets. */
const RECENT = 1_000
/** Messages handed out per on-demand request, whatever is asked. */
const ON_DEMAND = 200

export class CompanionSync {
  private readonly self: PhoneIdentity
  private readonly book: AddressBook
  private readonly log: MessageLog
  private readonly appState: AppState
  private readonly outbox: Outbox

  constructor(parts: { self: PhoneIdentity; book: AddressBook; log: MessageLog; appState: AppState; outbox: Outbox }) {
    this.self = parts.self
    this.book = parts.book
    this.log = parts.log
    this.appState = parts.appState
    this.outbox = parts.outbox
  }

  /**
   * The order real phones keep: the key first, or the companion could not read the state it fetches after the first history. The first
   * history holds the last message of each conversation, the recent one those before.
   */
  async welcome(device: string, ownName: string): Promise<void> {
    await this.shareKeys(device, this.appState.sharedKeys())
    const [recent, stories] = divide(this.log.newest(RECENT), ({ shown }) => shown.chat !== STATUS_JID)
    const last = new Set(new Map(recent.map((entry) => [entry.shown.chat, entry])).values())
    await this.tellHistory(device, { syncType: SyncType.INITIAL_BOOTSTRAP, conversations: this.conversations([...last]), chunkOrder: 0 })
    if (stories.length > 0) {
      const statusV3Messages = stories.map(webMessage)
      await this.tellHistory(device, { syncType: SyncType.INITIAL_STATUS_V3, statusV3Messages, chunkOrder: 0 })
    }
    await this.tellHistory(device, { syncType: SyncType.PUSH_NAME, pushnames: this.pushNames(recent, ownName), chunkOrder: 0 })
    await this.tellHistory(device, {
      syncType: SyncType.RECENT,
      conversations: this.conversations(recent.filter((entry) => !last.has(entry))),
      chunkOrder: 0,
      progress: 100,
    })
  }

  async shareKeys(device: string, keys: proto.Message.IAppStateSyncKey[]): Promise<void> {
    await this.tell(device, { type: ProtocolType.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } })
  }

  /** A `peer` message of a companion; what is no request is ignored. */
  async answer(device: string, stanzaId: string, message: proto.IMessage): Promise<void> {
    const request = message.protocolMessage
    if (request?.appStateSyncKeyRequest) {
      await this.shareKeys(device, this.appState.askedKeys(request.appStateSyncKeyRequest.keyIds ?? []))
    }
    const operation = request?.peerDataOperationRequestMessage
    if (operation?.historySyncOnDemandRequest) {
      await this.sendOlder(device, stanzaId, operation.historySyncOnDemandRequest)
    }
    if (operation?.fullHistorySyncOnDemandRequest) {
      await this.sendAgain(device, operation.fullHistorySyncOnDemandRequest)
    }
    if (operation?.placeholderMessageResendRequest?.length) {
      const keys = operation.placeholderMessageResendRequest.map(({ messageKey }) => messageKey)
      const found = keys.flatMap((key) => this.find(key) ?? [])
      await this.tell(device, {
        type: ProtocolType.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
        peerDataOperationRequestResponseMessage: {
          peerDataOperationRequestType: PeerRequest.PLACEHOLDER_MESSAGE_RESEND,
          stanzaId,
          peerDataOperationResult: found.map((entry) => ({
            placeholderMessageResendResponse: { webMessageInfoBytes: proto.WebMessageInfo.encode(webMessage(entry)).finish() },
          })),
        },
      })
    }
  }

  private async sendOlder(
    device: string,
    stanzaId: string,
    request: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest,
  ): Promise<void> {
    if (!request.chatJid) return
    const count = Math.min(request.onDemandMsgCount ?? ON_DEMAND, ON_DEMAND)
    const older = this.log.before(this.book.person(request.chatJid), request.oldestMsgId ?? '', count)
    const history = { syncType: SyncType.ON_DEMAND, conversations: this.conversations(older), chunkOrder: 0, progress: 100 }
    await this.tellHistory(device, history, { peerDataRequestSessionId: stanzaId })
  }

  /** The last days of everything once more, marked with the request it answers. */
  private async sendAgain(
    device: string,
    { requestMetadata, historySyncConfig }: proto.Message.PeerDataOperationRequestMessage.IFullHistorySyncOnDemandRequest,
  ): Promise<void> {
    const days = historySyncConfig?.fullSyncDaysLimit || 365
    const since = Math.floor(Date.now() / 1000) - days * 86_400
    const entries = this.log.newest(RECENT).filter(({ shown }) => shown.chat !== STATUS_JID && shown.timestamp >= since)
    const history = { syncType: SyncType.FULL, conversations: this.conversations(entries), chunkOrder: 0, progress: 100 }
    await this.tellHistory(device, history, { fullHistorySyncOnDemandRequestMetadata: requestMetadata })
  }

  private find(key: proto.IMessageKey | null | undefined): LogEntry | undefined {
    return key?.remoteJid && key.id ? this.log.find(this.book.person(key.remoteJid), key.id) : undefined
  }

  private async tellHistory(
    device: string,
    history: proto.IHistorySync,
    request: proto.Message.IHistorySyncNotification = {},
  ): Promise<void> {
    const payload = proto.HistorySync.encode({ ...history, phoneNumberToLidMappings: this.book.pairs() }).finish()
    await this.tell(device, {
      type: ProtocolType.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        // The two enums name the same numbers for all kinds a phone sends.
        syncType: history.syncType as number,
        chunkOrder: history.chunkOrder,
        progress: history.progress,
        initialHistBootstrapInlinePayload: deflateSync(payload),
        ...request,
      },
    })
  }

  private tell(device: string, protocolMessage: proto.Message.IProtocolMessage): Promise<void> {
    return this.outbox.sendPeer(generateMessageID(), device, { protocolMessage })
  }

  private conversations(entries: LogEntry[]): proto.IConversation[] {
    const chats = new Map<string, LogEntry[]>()
    for (const entry of entries) {
      const messages = chats.get(entry.shown.chat)
      if (messages) messages.push(entry)
      else chats.set(entry.shown.chat, [entry])
    }
    return [...chats].map(([chat, messages]) => ({
      id: chat,
      name: chat.endsWith('@g.us') ? undefined : messages.findLast(({ pushName }) => pushName)?.pushName,
      pnJid: chat.endsWith('@s.whatsapp.net') ? chat : undefined,
      lidJid: chat.endsWith('@s.whatsapp.net') ? lidOnly(this.book.toLid(chat)) : undefined,
      conversationTimestamp: messages.at(-1)?.shown.timestamp,
      // Newest first, as phones send them.
      messages: messages.toReversed().map((entry) => ({ message: webMessage(entry), msgOrderId: entry.shown.cursor })),
    }))
  }

  private pushNames(entries: LogEntry[], ownName: string): proto.IPushname[] {
    const names = new Map([[this.self.jid, ownName]])
    for (const { shown, pushName } of entries) if (pushName && !shown.fromMe) names.set(userJid(shown.from), pushName)
    return [...names].map(([id, pushname]) => ({ id, pushname }))
  }
}

function webMessage({ shown, content, pushName }: LogEntry): proto.IWebMessageInfo {
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
