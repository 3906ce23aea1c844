/**
 * Chats and messages in app state, the other way round than `actions.ts`: what a device of the account wrote about them. Favourites are one
 * record, `['favorites']` in `regular_high`, with all of them in their order (WhatsApp Web's `WAWebFavoritesSync`).
 */
import type { proto } from 'baileys'
import type { Address } from '../../../address.ts'
import type { ChatChange } from '../../../chat-changes.ts'
import { addressFrom } from '../addresses.ts'
import type { Written } from './app-state.ts'
import type { Change } from './records.ts'

const kinds: ReadonlySet<string> = new Set([
  'archive',
  'pin_v1',
  'mute',
  'markChatAsRead',
  'clearChat',
  'deleteChat',
  'star',
  'deleteMessageForMe',
  'favorites',
])

/** Whether it is about a chat or a message, whatever it says. */
export const isAboutChats = ({ index }: Change): boolean => kinds.has(index[0] ?? '')

/** Null: it says nothing. A removed record is nobody's wish any more. */
export const chatChangeOf = ({ operation, index, value }: Change): ChatChange | null => {
  if (operation === 'remove') return null
  const [kind, named = '', id = '', fromMe] = index
  const at = Number(value.timestamp ?? 0)
  if (kind === 'favorites') {
    const favorites = value.favoritesAction?.favorites
    return favorites ? { kind: 'favorites', chats: favorites.map(({ id: one }) => addressFrom(one)).filter(isSomebody), at } : null
  }
  const chat = addressFrom(named)
  if (!isSomebody(chat)) return null
  switch (kind) {
    case 'archive': {
      const { archived, messageRange } = value.archiveChatAction ?? {}
      return { kind, chat, archived: archived === true, lastMessageAt: lastIn(messageRange), at }
    }
    case 'pin_v1':
      return { kind: 'pin', chat, pinned: value.pinAction?.pinned === true, at }
    case 'mute': {
      const { muted, muteEndTimestamp } = value.muteAction ?? {}
      return { kind, chat, muted: muted === true, until: endOf(Number(muteEndTimestamp ?? 0)), at }
    }
    case 'markChatAsRead': {
      const { read, messageRange } = value.markChatAsReadAction ?? {}
      return { kind: 'mark-read', chat, read: read === true, lastMessageAt: lastIn(messageRange), at }
    }
    case 'clearChat':
      return { kind: 'clear-chat', chat, starredToo: id === '1', lastMessageAt: lastIn(value.clearChatAction?.messageRange), at }
    case 'deleteChat':
      return { kind: 'delete-chat', chat, lastMessageAt: lastIn(value.deleteChatAction?.messageRange), at }
    case 'star':
      return { kind, message: keyOf(chat, index), starred: value.starAction?.starred === true, at }
    case 'deleteMessageForMe':
      return id === '' || fromMe === undefined ? null : { kind: 'delete-for-me', message: keyOf(chat, index), at }
    default:
      return null
  }
}

/** `named`: the JIDs they are written under. */
export const favoritesOf = (named: readonly string[]): Written => ({
  operation: 'set',
  version: 1,
  index: ['favorites'],
  value: { favoritesAction: { favorites: named.map((id) => ({ id })) }, timestamp: Date.now() },
})

const isSomebody = ({ jid, lid }: Address): boolean => jid !== null || lid !== null

/** `[kind, chat, id, fromMe, author]`; in private chats, and of our own, the author is left out. */
const keyOf = (chat: Address, [, , id = '', fromMe, author]: readonly string[]) => ({
  id,
  chat,
  sender: author === undefined || author === '0' ? chat : addressFrom(author),
  fromMe: fromMe === '1',
})

/** WhatsApp counts in seconds: all of that second is meant. */
const lastIn = (range: proto.SyncActionValue.ISyncActionMessageRange | null | undefined): number | null => {
  const seconds = Number(range?.lastMessageTimestamp ?? 0)
  return seconds > 0 ? seconds * 1000 + 999 : null
}

/** Milliseconds; some clients write seconds. What is no time is for good. */
const endOf = (time: number): number | null => (time <= 0 ? null : time < 100_000_000_000 ? time * 1000 : time)
