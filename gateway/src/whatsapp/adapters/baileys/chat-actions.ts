/**
 * Actions on own chats as app-state patches: encrypted, versioned, one writer at a time. The shapes are WhatsApp's (`SyncActionValue` of
 * WAProto, indices as in `chatModificationToAppPatch` of Baileys 7). Written here because Baileys leaves out the author, which messages in
 * groups are named by, and does not look whether WhatsApp took the patch: a clash is told inside a result.
 */
import { type BinaryNode, encodeSyncdPatch, newLTHashState, proto, type WAPatchCreate, type WASocket } from 'baileys'
import { canonicalOf } from '../../address.ts'
import type { ChatAction, ChatActionSession, LastMessage } from '../../chat-actions.ts'
import { type Address, EngineError, type MessageKey } from '../../engine.ts'
import { isGroupJid } from '../../jid.ts'

interface Collaborators {
  socket(): WASocket
  ask<T>(call: () => Promise<T>): Promise<T>
  /** A query with an answer. */
  request(node: BinaryNode): Promise<BinaryNode>
}

/** Another device wrote at the same moment; each try reads first what it wrote. */
const ATTEMPTS = 5

export const createChatActions = ({ socket, ask, request }: Collaborators): ChatActionSession => {
  /** Two of ours at once would take the same version. */
  let last: Promise<unknown> = Promise.resolve()

  const write = async (action: WAPatchCreate): Promise<void> => {
    const { type: name } = action
    const { creds, keys } = socket().authState
    const keyId = creds.myAppStateKeyId
    const key = keyId ? (await keys.get('app-state-sync-key', [keyId]))[keyId] : undefined
    if (!keyId || !key) throw new EngineError('not-ready', 'the phone has not shared the key of its settings yet')
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      await ask(() => socket().resyncAppState([name], false))
      const before = (await keys.get('app-state-sync-version', [name]))[name] ?? newLTHashState()
      const { patch, state } = await encodeSyncdPatch(action, keyId, before, async () => key)
      const answer = await request(patchRequest(name, before.version, proto.SyncdPatch.encode(patch).finish()))
      const refusal = refusalIn(answer)
      if (refusal === null) return keys.set({ 'app-state-sync-version': { [name]: state } })
      if (refusal !== CONFLICT) throw new EngineError('rejected', `WhatsApp refused the change: ${refusal}`, refusal)
    }
    throw new EngineError('rejected', 'other devices of the account kept changing the same settings', CONFLICT)
  }

  return {
    act(action) {
      const writing = last.then(() => write(patchOf(action)))
      last = writing.catch(() => {})
      return writing
    },

    async setBlocked({ jid, lid }, blocked) {
      // WhatsApp keeps the list by LID, and wants the number too when it grows.
      if (lid === null || (blocked && jid === null)) throw new EngineError('rejected', 'this person is not known under both names')
      const item = { action: blocked ? 'block' : 'unblock', jid: lid, ...(blocked && jid !== null ? { pn_jid: jid } : {}) }
      const attrs = { xmlns: 'blocklist', to: 's.whatsapp.net' }
      await request({ tag: 'iq', attrs: { ...attrs, type: 'set' }, content: [{ tag: 'item', attrs: item }] })
      const list = childOf(await request({ tag: 'iq', attrs: { ...attrs, type: 'get' } }), 'list')
      return Array.isArray(list?.content) ? list.content.length : 0
    },
  }
}

const CONFLICT = 409

const patchRequest = (name: string, version: number, patch: Uint8Array): BinaryNode => ({
  tag: 'iq',
  attrs: { to: 's.whatsapp.net', type: 'set', xmlns: 'w:sync:app:state' },
  content: [
    {
      tag: 'sync',
      attrs: {},
      content: [
        {
          tag: 'collection',
          attrs: { name, version: String(version), return_snapshot: 'false' },
          content: [{ tag: 'patch', attrs: {}, content: patch }],
        },
      ],
    },
  ],
})

/** WhatsApp's code; null when it took the patch. */
const refusalIn = (answer: BinaryNode): number | null => {
  const collection = childOf(childOf(answer, 'sync'), 'collection')
  if (collection?.attrs.type !== 'error') return null
  return Number(childOf(collection, 'error')?.attrs.code ?? CONFLICT)
}

const childOf = (node: BinaryNode | undefined, tag: string): BinaryNode | undefined =>
  Array.isArray(node?.content) ? node.content.find((child) => child.tag === tag) : undefined

/** Pure. */
export const patchOf = (action: ChatAction): WAPatchCreate => {
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
      return set('regular_low', 2, ['star', ...nameOf(action.message)], { starAction: { starred: action.starred } })
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

const set = (type: WAPatchCreate['type'], apiVersion: number, index: string[], syncAction: proto.ISyncActionValue): WAPatchCreate => ({
  type,
  apiVersion,
  index,
  syncAction: { ...syncAction, timestamp: Date.now() },
  operation: proto.SyncdMutation.SyncdOperation.SET,
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
