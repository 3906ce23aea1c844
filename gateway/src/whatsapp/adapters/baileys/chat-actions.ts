/** Actions on own chats and labels as app state, and the blocklist. */
import type { BinaryNode } from 'baileys'
import type { ChatActionSession } from '../../chat-actions.ts'
import { EngineError } from '../../engine.ts'
import type { LabelSession } from '../../labels.ts'
import { actionOf } from './app-state/actions.ts'
import type { AppState } from './app-state/app-state.ts'
import { LABELS, labelActionOf } from './app-state/label-changes.ts'
import { childOf, childrenOf } from './nodes.ts'

interface Collaborators {
  /** Throws {@link EngineError} when the session is not open. */
  appState(): AppState
  /** A query with an answer. */
  request(node: BinaryNode): Promise<BinaryNode>
}

export const createChatActions = ({ appState, request }: Collaborators): ChatActionSession & LabelSession => ({
  async act(action) {
    const { collection, change } = actionOf(action)
    await appState().write(collection, async () => [change])
  },

  labels: {
    async change(decide) {
      await appState().write(LABELS, async () => (await decide()).map(labelActionOf))
    },
    async refresh() {
      await appState().refresh(LABELS)
    },
  },

  async setBlocked({ jid, lid }, blocked) {
    // WhatsApp keeps the list by LID, and wants the number too when it grows.
    if (lid === null || (blocked && jid === null)) throw new EngineError('rejected', 'this person is not known under both names')
    const item = { action: blocked ? 'block' : 'unblock', jid: lid, ...(blocked && jid !== null ? { pn_jid: jid } : {}) }
    const attrs = { xmlns: 'blocklist', to: 's.whatsapp.net' }
    await request({ tag: 'iq', attrs: { ...attrs, type: 'set' }, content: [{ tag: 'item', attrs: item }] })
    return childrenOf(childOf(await request({ tag: 'iq', attrs: { ...attrs, type: 'get' } }), 'list')).length
  },
})
