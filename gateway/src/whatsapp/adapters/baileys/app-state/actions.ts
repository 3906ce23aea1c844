/**
 * What an account does with its chats, as app state. The shapes are WhatsApp's (`SyncActionValue` of WAProto); collections, indices and
 * versions are those of WhatsApp Web. Baileys 7 (`chatModificationToAppPatch`) has the same, but for stars, which it puts where no other
 * device looks for them (`regular_low`).
 */
import type { proto, WAPatchName } from 'baileys'
import { canonicalOf } from '../../../address.ts'
import type { ChatAction, LastMessage } from '../../../chat-actions.ts'
import type { Address, MessageKey } from '../../../engine.ts'
import { isGroupJid } from '../../../jid.ts'
import type { Written } from './app-state.ts'

export interface ActionWrite {
  collection: WAPatchName
  change: Written
}

/** Baileys' own leave out the author, whom messages in groups are named by. */
export const actionOf = (action: ChatAction): ActionWrite => {
  switch (action.kind) {
    case 'archive': {
      const archiveChatAction = { archived: action.archived, messageRange: rangeOf(action.last) }
      return set('regular_low', 3, ['archive', canonicalOf(action.chat)], { archiveChatAction })
    }
    case 'pin':
      return set('regular_low', 5, ['pin_v1', canonicalOf(action.chat)], { pinAction: { pinned: action.pinned } })
    case 'mute': {
      // -1 is WhatsApp's "always".
      const muteEndTimestamp = action.muted ? (action.until ?? -1) : undefined
      return set('regular_high', 2, ['mute', canonicalOf(action.chat)], {
        muteAction: { muted: action.muted, ...(muteEndTimestamp === undefined ? {} : { muteEndTimestamp }) },
      })
    }
    case 'mark-read': {
      const markChatAsReadAction = { read: action.read, messageRange: rangeOf(action.last) }
      return set('regular_low', 3, ['markChatAsRead', canonicalOf(action.chat)], { markChatAsReadAction })
    }
    case 'star':
      return set('regular_high', 2, ['star', ...nameOf(action.message)], { starAction: { starred: action.starred } })
    case 'delete-for-me':
      return set('regular_high', 3, ['deleteMessageForMe', ...nameOf(action.message)], {
        deleteMessageForMeAction: { deleteMedia: true, messageTimestamp: seconds(action.timestamp) },
      })
    case 'name':
      return set('critical_block', 1, ['setting_pushName'], { pushNameSetting: { name: action.name } })
    case 'delete-chat':
      return set('regular_high', 6, ['deleteChat', canonicalOf(action.chat), '1'], {
        deleteChatAction: { messageRange: rangeOf(action.last) },
      })
  }
}

const set = (collection: WAPatchName, version: number, index: string[], value: proto.ISyncActionValue): ActionWrite => ({
  collection,
  change: { operation: 'set', version, index, value: { ...value, timestamp: Date.now() } },
})

/** How a message is named: chat, id, whether it is ours, and in groups its author. */
const nameOf = ({ chat, id, fromMe, sender }: MessageKey): string[] => [
  canonicalOf(chat),
  id,
  fromMe ? '1' : '0',
  isGroupJid(canonicalOf(chat)) && !fromMe ? canonicalOf(sender) : '0',
]

const rangeOf = (last: LastMessage | null): proto.SyncActionValue.ISyncActionMessageRange => {
  if (last === null) return {}
  const { chat, id, fromMe, sender } = last.key
  const participant = authorIn(chat, sender, fromMe)
  const key = { remoteJid: canonicalOf(chat), id, fromMe, ...(participant === null ? {} : { participant }) }
  const timestamp = seconds(last.timestamp)
  return { lastMessageTimestamp: timestamp, messages: [{ key, timestamp }] }
}

const authorIn = (chat: Address, sender: Address, fromMe: boolean): string | null =>
  isGroupJid(canonicalOf(chat)) && !fromMe ? canonicalOf(sender) : null

const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)
