/** The messages by which the own phone tells that a chunk of history is there, and how much of it is wanted. */
import { proto } from 'baileys'
import type { InboxRow } from '../../../engine.ts'
import { decodeWireMessage } from '../../../wire.ts'
import { unwrap } from '../envelopes.ts'

export type Notification = proto.Message.IHistorySyncNotification

/** Null: the row tells of no history. That it came from the own phone is for others to see. */
export const notificationIn = ({ attributes, plaintext }: Pick<InboxRow, 'attributes' | 'plaintext'>): Notification | null => {
  if (attributes.category !== 'peer') return null
  try {
    return unwrap(decodeWireMessage(plaintext)).message.protocolMessage?.historySyncNotification ?? null
  } catch {
    return null
  }
}

/** Days of messages; `names`: only conversations and what people are called; null: none of it. */
export type Extent = { days: number | null } | 'names' | null

/** What phones hand over by themselves; more has to be asked for at pairing. Three months (WhatsApp Web). */
export const RECENT_DAYS = 90

const { HistorySyncType } = proto.HistorySync

/**
 * `days`: as the owner wants it; null: no history. The first chunk is read all the same: it brings LIDs and names. What was asked for is always
 * wanted, and of older messages of one chat every one.
 */
export const extentOf = (notification: Notification, days: number | null): Extent => {
  const type = notification.syncType
  if (type === HistorySyncType.INITIAL_STATUS_V3) return null
  if (type === HistorySyncType.ON_DEMAND) return { days: null }
  if (notification.fullHistorySyncOnDemandRequestMetadata) return { days }
  if (days === null) return type === HistorySyncType.RECENT || type === HistorySyncType.FULL ? null : 'names'
  return type === HistorySyncType.FULL && days <= RECENT_DAYS ? null : { days }
}

/** Baileys also asks with a type alone whether history is wanted at all, and complains at every connect when it is not. */
export const isBare = ({ directPath, initialHistBootstrapInlinePayload }: Notification): boolean =>
  !directPath && !initialHistBootstrapInlinePayload
