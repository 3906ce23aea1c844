/** Actions on own chats and labels, as app state. */

import { canonicalOf } from '../../address.ts'
import type { ChatActionSession } from '../../chat-actions.ts'
import type { LabelSession } from '../../labels.ts'
import { actionOf } from './app-state/actions.ts'
import type { AppState } from './app-state/app-state.ts'
import { favoritesOf } from './app-state/chat-changes.ts'
import { LABELS, labelActionOf } from './app-state/label-changes.ts'

interface Collaborators {
  /** Throws {@link EngineError} when the session is not open. */
  appState(): AppState
}

export const createChatActions = ({ appState }: Collaborators): Omit<ChatActionSession, 'setBlocked'> & LabelSession => ({
  async act(action) {
    const { collection, change } = actionOf(action)
    await appState().write(collection, async () => [change])
  },

  async setFavorites(decide) {
    await appState().write('regular_high', async () => [favoritesOf((await decide()).map(canonicalOf))])
  },

  labels: {
    async change(decide) {
      await appState().write(LABELS, async () => (await decide()).map(labelActionOf))
    },
    async refresh() {
      await appState().refresh(LABELS)
    },
  },
})
