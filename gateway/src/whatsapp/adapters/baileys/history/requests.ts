/** Asks the own phone for more of the past. It answers with notifications, some time. */
import { proto, type WASocket } from 'baileys'
import type { Address } from '../../../engine.ts'
import type { HistorySession } from '../../../history.ts'

interface Collaborators {
  socket(): WASocket
  ask<T>(call: () => Promise<T>): Promise<T>
  /** Resolves when what was sent so far has left. */
  flushed(): Promise<void>
  self(): Address
  /** So many days are wanted from now on. */
  want(days: number): void
  /** The JID the phone knows this chat by. */
  targetOf(chat: Address): string
}

const { FULL_HISTORY_SYNC_ON_DEMAND, HISTORY_SYNC_ON_DEMAND } = proto.Message.PeerDataOperationRequestType

export const createHistoryRequests = ({ socket, ask, flushed, self, want, targetOf }: Collaborators): HistorySession => {
  const request = async (operation: proto.Message.IPeerDataOperationRequestMessage): Promise<string> => {
    const connected = socket()
    const id = await ask(() => connected.sendPeerDataOperationMessage(operation))
    await flushed()
    return id
  }

  return {
    async requestHistory(days) {
      const requestId = socket().generateMessageTag()
      want(days)
      await request({
        peerDataOperationRequestType: FULL_HISTORY_SYNC_ON_DEMAND,
        fullHistorySyncOnDemandRequest: {
          requestMetadata: { requestId },
          historySyncConfig: { fullSyncDaysLimit: days, recentSyncDaysLimit: days, inlineInitialPayloadInE2EeMsg: true },
        },
      })
    },

    async requestOlder({ id, chat, fromMe, timestamp }, count) {
      const { lid } = self()
      const requestId = await request({
        peerDataOperationRequestType: HISTORY_SYNC_ON_DEMAND,
        historySyncOnDemandRequest: {
          chatJid: targetOf(chat),
          oldestMsgId: id,
          oldestMsgFromMe: fromMe,
          oldestMsgTimestampMs: timestamp,
          onDemandMsgCount: count,
          ...(lid === null ? {} : { accountLid: lid }),
        },
      })
      return { requestId }
    },
  }
}
