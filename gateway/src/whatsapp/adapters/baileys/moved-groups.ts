/**
 * Groups that WhatsApp has moved from numbers to LIDs since they were asked for. It tells nobody; it refuses the next message (421), and what
 * others write there says how members are named. WhatsApp Web asks for the group again and leaves the message failed; here it is written again
 * as the group is now, under its id, and only a second refusal is told.
 */
import type { BinaryNode, WASocket } from 'baileys'
import { isGroupJid } from '../../jid.ts'
import { nodesBeside } from '../../stanza-nodes.ts'
import type { WireMessage } from '../../wire.ts'
import type { GroupLists } from './group-lists.ts'
import { toBinaryNode } from './nodes.ts'
import { editOf } from './retry-answers.ts'
import type { CacheView } from './shared-cache.ts'

/** Of a refused message: its members are not named as the group's are. */
const STALE_ADDRESSING = '421'

export interface MovedGroupsOptions {
  lists: Pick<GroupLists, 'forget' | 'addressed'>
  socket(): Pick<WASocket, 'relayMessage'>
  storedMessage(id: string): Promise<WireMessage | null>
  /** Messages that were written again. */
  rewritten: CacheView<unknown>
}

export class MovedGroups {
  readonly #options: MovedGroupsOptions

  constructor(options: MovedGroupsOptions) {
    this.#options = options
  }

  /** A message in a group, or what WhatsApp says of one: both may say how its members are named. */
  heed({ attrs: { from, addressing_mode: mode } }: BinaryNode): void {
    if (from !== undefined && (mode === 'lid' || mode === 'pn') && isGroupJid(from)) this.#options.lists.addressed(from, mode)
  }

  /** Null: this is no such refusal. Else whether the message has been written again. */
  mend({ attrs }: BinaryNode): Promise<boolean> | null {
    const { id, from, error } = attrs
    if (error !== STALE_ADDRESSING || !id || !from || !isGroupJid(from)) return null
    this.#options.lists.forget(from)
    return this.#writeAgain(from, id)
  }

  async #writeAgain(group: string, id: string): Promise<boolean> {
    const { rewritten, socket, storedMessage } = this.#options
    const key = `moved/${id}`
    if (rewritten.get(key) !== undefined) return false
    rewritten.set(key, true)
    try {
      const message = await storedMessage(id)
      if (message === null) return false
      const edit = editOf(message)
      await socket().relayMessage(group, message, {
        messageId: id,
        additionalAttributes: edit === null ? {} : { edit },
        additionalNodes: nodesBeside(message).map(toBinaryNode),
      })
      return true
    } catch {
      return false
    }
  }
}
