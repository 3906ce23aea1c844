import { proto } from 'baileys'
import { describe, expect, it } from 'vitest'
import { encodeWireMessage } from '../../../../wire.ts'
import { type Extent, extentOf, isBare, notificationIn } from '../notification.ts'

const { HistorySyncType } = proto.HistorySync

describe('how much of a chunk is wanted', () => {
  const requested = { fullHistorySyncOnDemandRequestMetadata: { requestId: 'R' } }
  it.each<[string, object, number | null, Extent]>([
    ['the first chunk for its names: it brings the LIDs too', { syncType: HistorySyncType.INITIAL_BOOTSTRAP }, null, 'names'],
    ['push names', { syncType: HistorySyncType.PUSH_NAME }, null, 'names'],
    ['a recent chunk not without history', { syncType: HistorySyncType.RECENT }, null, null],
    ['a recent chunk when asked for', { syncType: HistorySyncType.RECENT }, 7, { days: 7 }],
    ['the first chunk, as far as it is not older', { syncType: HistorySyncType.INITIAL_BOOTSTRAP }, 7, { days: 7 }],
    ['full history not for a week', { syncType: HistorySyncType.FULL }, 7, null],
    ['full history for a year', { syncType: HistorySyncType.FULL }, 365, { days: 365 }],
    ['full history that was asked for', { syncType: HistorySyncType.FULL, ...requested }, 7, { days: 7 }],
    ['older messages of a chat, however old', { syncType: HistorySyncType.ON_DEMAND }, null, { days: null }],
    ['stories of yesterday not', { syncType: HistorySyncType.INITIAL_STATUS_V3 }, 365, null],
  ])('%s', (_what, notification, days, expected) => {
    expect(extentOf(notification, days)).toEqual(expected)
  })
})

describe('a notification', () => {
  const message = { protocolMessage: { type: 5, historySyncNotification: { syncType: 3, directPath: '/x' } } }
  it('is a message between devices', () => {
    const plaintext = encodeWireMessage(message)
    expect(notificationIn({ attributes: { category: 'peer' }, plaintext })).toMatchObject({ syncType: 3, directPath: '/x' })
    expect(notificationIn({ attributes: {}, plaintext })).toBeNull()
    expect(notificationIn({ attributes: { category: 'peer' }, plaintext: encodeWireMessage({ conversation: 'hi' }) })).toBeNull()
    expect(notificationIn({ attributes: { category: 'peer' }, plaintext: Uint8Array.of(255, 255) })).toBeNull()
  })

  it('is nothing Baileys reads, which only asks whether there is history at all', () => {
    expect(isBare({ syncType: HistorySyncType.RECENT })).toBe(true)
    expect(isBare(message.protocolMessage.historySyncNotification)).toBe(false)
    expect(isBare({ syncType: HistorySyncType.RECENT, initialHistBootstrapInlinePayload: Buffer.alloc(1) })).toBe(false)
  })
})
