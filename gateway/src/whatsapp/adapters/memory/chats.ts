/** What people do with their chats on the in-memory network: a list of changes all devices of a person read to its end. */
import type { Address } from '../../address.ts'
import type { ChatAction } from '../../chat-actions.ts'
import type { ChatChange } from '../../chat-changes.ts'
import type { EngineEvent } from '../../engine.ts'

export class MemoryChats {
  readonly changes: ChatChange[] = []
  readonly #blocked = new Map<string, Address>()
  /** Told of every change. */
  onChange: () => void = () => {}

  change(change: ChatChange): void {
    this.changes.push(change)
    this.onChange()
  }

  /** Gives how many are blocked now. */
  setBlocked(person: Address, blocked: boolean): number {
    const name = person.jid ?? person.lid ?? ''
    if (blocked) this.#blocked.set(name, person)
    else this.#blocked.delete(name)
    this.change({ kind: 'blocklist', people: [...this.#blocked.values()], at: Date.now() })
    return this.#blocked.size
  }
}

/** Null: nothing that is about a chat. */
export const changeOf = (action: ChatAction): ChatChange | null => {
  const at = Date.now()
  switch (action.kind) {
    case 'name':
      return null
    case 'star':
      return { kind: 'star', message: action.message, starred: action.starred, at }
    case 'delete-for-me':
      return { kind: 'delete-for-me', message: action.message, at }
    case 'pin':
    case 'mute':
      return { ...action, at }
    case 'archive':
    case 'mark-read':
    case 'delete-chat': {
      const { last, ...rest } = action
      return { ...rest, lastMessageAt: last?.timestamp ?? null, at }
    }
  }
}

interface Options {
  /** How far this device has come. */
  device(): { chatsRead: number }
  chats(): MemoryChats
  report(event: EngineEvent): void
  /** Resolves when everything reported so far has been taken. */
  reported(): Promise<void>
}

/** The reading of one session. */
export class MemoryChatReader {
  readonly #options: Options
  #lane: Promise<unknown> = Promise.resolve()

  constructor(options: Options) {
    this.#options = options
  }

  /** Resolves when all there is has been stored; what was not is told again with the next change. Never throws. */
  changed(): Promise<void> {
    const read = this.#lane.then(() => this.#readOn())
    this.#lane = read.catch(() => {})
    return read.catch(() => {})
  }

  async #readOn(): Promise<void> {
    const { device, chats, report, reported } = this.#options
    const reached = chats().changes.length
    const changes = chats().changes.slice(device().chatsRead, reached)
    if (changes.length === 0) return
    let stored = false
    report({
      type: 'chat',
      changes,
      stored: () => {
        stored = true
      },
    })
    await reported()
    if (stored) device().chatsRead = reached
  }
}
