/**
 * The order of the log. An event's id is made inside its transaction, and transactions become durable in an order of their own: on
 * PostgreSQL a later id can be seen while an earlier one is not there yet. Whoever reads on from an id would lose the earlier one for ever.
 * So what is announced, and what is read for somebody who reads on, is of one instance always everything up to some id: an event waits
 * until all earlier ones of its instance are durable or given up.
 */
import type { StoredEvent } from './envelope.ts'

export interface LogOrder {
  /** For one write; ends with `durable` or `dropped`. */
  open(): Recording
  /** Of this instance everything below this id is decided; null = everything there is. */
  decidedBelow(instanceId: string): string | null
}

export interface Recording {
  /** These were given their ids just now. */
  noted(events: readonly StoredEvent[]): void
  /** What was noted so far was rolled back. */
  dropped(): void
  /** What was noted is durable; gives it free for announcement. */
  durable(): void
}

interface Entry {
  event: StoredEvent
  state: 'undecided' | 'durable' | 'dropped'
}

/** `announce` gets events one after the other, those of one instance in the order of their ids. */
export const createLogOrder = (announce: (event: StoredEvent) => void): LogOrder => {
  /** By instance, oldest first; the first one is always undecided. As long as the writes under way. */
  const queues = new Map<string, Entry[]>()

  const note = (event: StoredEvent): Entry => {
    const entry: Entry = { event, state: 'undecided' }
    const queue = queues.get(event.instanceId)
    if (queue === undefined) queues.set(event.instanceId, [entry])
    else queue.push(entry)
    return entry
  }

  const release = (instanceId: string): void => {
    const queue = queues.get(instanceId)
    if (queue === undefined) return
    const undecided = queue.findIndex(({ state }) => state === 'undecided')
    const decided = undecided === -1 ? queue : queue.splice(0, undecided)
    if (undecided === -1) queues.delete(instanceId)
    for (const { event, state } of decided) if (state === 'durable') announce(event)
  }

  return {
    open() {
      let entries: Entry[] = []
      const decide = (state: 'durable' | 'dropped') => {
        const decided = entries
        entries = []
        for (const entry of decided) entry.state = state
        for (const instanceId of new Set(decided.map(({ event }) => event.instanceId))) release(instanceId)
      }
      return {
        noted(events) {
          for (const event of events) entries.push(note(event))
        },
        dropped: () => decide('dropped'),
        durable: () => decide('durable'),
      }
    },
    decidedBelow: (instanceId) => queues.get(instanceId)?.[0]?.event.id ?? null,
  }
}
