/**
 * What a phone tells its companions outside of any conversation: the app-state key and the history when one links, and answers to
 * their `peer` requests (keys, older messages, a message they could not read). Shapes: engine.md §9.3.
 */
import { deflateSync } from 'node:zlib'
import { generateMessageID, proto } from 'baileys'
import type { MediaTransfer } from '../ports.ts'
import type { AddressBook } from './addresses.ts'
import type { AppState } from './app-state.ts'
import { type History, webMessage } from './history.ts'
import { encryptMedia } from './media.ts'
import type { LogEntry, MessageLog } from './message-log.ts'
import type { Outbox } from './outbox.ts'

const ProtocolType = proto.Message.ProtocolMessage.Type
const PeerRequest = proto.Message.PeerDataOperationRequestType

/** What fits into a message beside its keys; more is put on the media host. */
const INLINE = 32 * 1024

export class CompanionSync {
  readonly history: History
  private readonly book: AddressBook
  private readonly log: MessageLog
  private readonly appState: AppState
  private readonly outbox: Outbox
  private readonly media: MediaTransfer | undefined

  constructor(parts: {
    book: AddressBook
    log: MessageLog
    history: History
    appState: AppState
    outbox: Outbox
    media: MediaTransfer | undefined
  }) {
    this.book = parts.book
    this.log = parts.log
    this.history = parts.history
    this.appState = parts.appState
    this.outbox = parts.outbox
    this.media = parts.media
  }

  /** The order real phones keep: the key first, or the companion could not read the state it fetches after the first history. */
  async welcome(device: string, wish: Parameters<History['all']>[0]): Promise<void> {
    await this.shareKeys(device, this.appState.sharedKeys())
    for (const chunk of this.history.all(wish)) await this.tellHistory(device, chunk)
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
    if (operation?.historySyncOnDemandRequest?.chatJid) {
      const older = this.history.before(operation.historySyncOnDemandRequest)
      await this.tellHistory(device, older, { peerDataRequestSessionId: stanzaId })
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

  /** The last days of everything once more, marked with the request it answers. */
  private async sendAgain(
    device: string,
    { requestMetadata, historySyncConfig }: proto.Message.PeerDataOperationRequestMessage.IFullHistorySyncOnDemandRequest,
  ): Promise<void> {
    const days = historySyncConfig?.fullSyncDaysLimit || 365
    const chunks = this.history.since(Math.floor(Date.now() / 1000) - days * 86_400)
    for (const chunk of chunks) await this.tellHistory(device, chunk, { fullHistorySyncOnDemandRequestMetadata: requestMetadata })
  }

  private find(key: proto.IMessageKey | null | undefined): LogEntry | undefined {
    return key?.remoteJid && key.id ? this.log.find(this.book.person(key.remoteJid), key.id) : undefined
  }

  private async tellHistory(
    device: string,
    history: proto.IHistorySync,
    request: proto.Message.IHistorySyncNotification = {},
  ): Promise<void> {
    const mappings = this.history.pairsIn(history)
    const payload = deflateSync(proto.HistorySync.encode({ ...history, phoneNumberToLidMappings: mappings }).finish())
    await this.tell(device, {
      type: ProtocolType.HISTORY_SYNC_NOTIFICATION,
      historySyncNotification: {
        // The two enums name the same numbers for all kinds a phone sends.
        syncType: history.syncType as number,
        chunkOrder: history.chunkOrder,
        progress: history.progress,
        ...(payload.length <= INLINE || !this.media ? { initialHistBootstrapInlinePayload: payload } : await placeOf(payload, this.media)),
        ...request,
      },
    })
  }

  private tell(device: string, protocolMessage: proto.Message.IProtocolMessage): Promise<void> {
    return this.outbox.sendPeer(generateMessageID(), device, { protocolMessage })
  }
}

const placeOf = async (payload: Uint8Array, media: MediaTransfer): Promise<proto.Message.IHistorySyncNotification> => {
  const { ciphertext, ...keys } = encryptMedia(payload, 'history')
  const { directPath } = await media.upload({ bytes: ciphertext, fileEncSha256: keys.fileEncSha256, kind: 'md-msg-hist' })
  return { ...keys, directPath }
}
