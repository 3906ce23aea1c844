/** The conversations as the phone sees them, newest last, with readers that wait. Keeps the newest messages; cursors go on growing. */
import type { proto } from 'baileys'
import type { PhoneMessage } from '../ports.ts'

/** A logged message and what the phone itself needs to go on working with it. */
export interface LogEntry {
  shown: PhoneMessage
  content: proto.IMessage
  pushName?: string
  /** Where receipts for it go: the address the stanza came from, without device in 1:1, and its author in groups. */
  receipt?: { to: string; participant?: string }
}

const KEPT = 5_000

export class MessageLog {
  private readonly entries: LogEntry[] = []
  private readonly byId = new Map<string, LogEntry>()
  private readonly waiting = new Set<() => void>()
  private readonly kept: number
  private cursor = 0

  constructor(kept = KEPT) {
    this.kept = kept
  }

  add(entry: Omit<LogEntry, 'shown'> & { shown: Omit<PhoneMessage, 'cursor'> }): LogEntry {
    this.cursor += 1
    const logged: LogEntry = { ...entry, shown: { cursor: this.cursor, ...entry.shown } }
    this.entries.push(logged)
    this.byId.set(key(logged.shown.chat, logged.shown.id), logged)
    // Cut in one go now and then: one shift per message would move the whole array each time.
    if (this.entries.length > this.kept * 1.2) {
      for (const gone of this.entries.splice(0, this.entries.length - this.kept)) {
        const id = key(gone.shown.chat, gone.shown.id)
        if (this.byId.get(id) === gone) this.byId.delete(id)
      }
    }
    for (const wake of this.waiting) wake()
    return logged
  }

  find(chat: string, id: string): LogEntry | undefined {
    return this.byId.get(key(chat, id))
  }

  at(cursor: number): LogEntry | undefined {
    const first = this.entries[0]
    return first && this.entries[cursor - first.shown.cursor]
  }

  /** Newest last. */
  newest(count: number, chat?: string): LogEntry[] {
    const chosen: LogEntry[] = []
    for (let i = this.entries.length - 1; i >= 0 && chosen.length < count; i -= 1) {
      const entry = this.entries[i]
      if (entry && (chat === undefined || entry.shown.chat === chat)) chosen.push(entry)
    }
    return chosen.reverse()
  }

  /** Messages of `chat` older than `id`, newest last. */
  before(chat: string, id: string, count: number): LogEntry[] {
    const limit = this.find(chat, id)?.shown.cursor ?? this.cursor + 1
    return this.entries.filter(({ shown }) => shown.chat === chat && shown.cursor < limit).slice(-count)
  }

  after(cursor: number): PhoneMessage[] {
    const first = this.entries[0]
    if (!first) return []
    return this.entries.slice(Math.max(0, cursor + 1 - first.shown.cursor)).map(({ shown }) => shown)
  }

  async read(after: number, waitMs: number): Promise<{ messages: PhoneMessage[]; cursor: number }> {
    if (after >= this.cursor && waitMs > 0) await this.somethingNew(waitMs)
    const messages = this.after(after)
    return { messages, cursor: messages.at(-1)?.cursor ?? Math.max(after, 0) }
  }

  /** Readers that wait get what there is. */
  releaseReaders(): void {
    for (const wake of this.waiting) wake()
  }

  private somethingNew(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer)
        this.waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, waitMs)
      this.waiting.add(wake)
    })
  }
}

const key = (chat: string, id: string): string => `${chat} ${id}`
