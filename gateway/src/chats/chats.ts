/** The chats of an account: listed, found, and what it does with them beside writing: archive, pin, mute, read, favour, block, delete, label, show that it types. */
import type { Operation } from '../http/operation.ts'
import { byLabelOperation } from './by-label.ts'
import type { ChatCollaborators } from './collaborators.ts'
import { listOperation } from './list/operation.ts'
import { presenceOperation } from './presence.ts'
import { readOperations } from './reading.ts'
import { createIndexer, type Indexer } from './search/indexer.ts'
import { searchOperation } from './search/operation.ts'
import { settingOperations } from './settings-operations.ts'
import { tagOperations } from './tag-operations.ts'

export interface ChatsFeature {
  readonly operations: readonly Operation[]
  /** Makes stored messages to be found by their words. */
  readonly indexer: Indexer
}

export const createChats = (collaborators: ChatCollaborators): ChatsFeature => ({
  operations: [
    listOperation(collaborators),
    searchOperation(collaborators),
    ...settingOperations(collaborators),
    ...readOperations(collaborators),
    presenceOperation(collaborators),
    ...tagOperations(collaborators),
    byLabelOperation(collaborators),
  ],
  indexer: createIndexer(collaborators),
})
