/**
 * `?after=<event id>`: a client is read to from the log, a page at a time and no faster than it takes them, until it has everything that
 * was announced; from then on it is live. Both halves have the order of the log, so nothing is left out in between and nothing comes twice.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { rfc3339 } from '../../runtime/clock.ts'
import type { InstanceData, StoredEvent } from '../envelope.ts'
import type { EventHistory } from '../history.ts'
import type { Client } from './client.ts'

/** What the replay asks of the room its client is in. */
export interface Hall {
  /** The id announced last since the room is there, `""` when none was. */
  readonly announced: string
  readonly instanceData: InstanceData
  wants(event: StoredEvent): boolean
}

interface Collaborators {
  history: EventHistory
  serialise(event: StoredEvent, instanceData: InstanceData): string
  now(): number
  /** Events in a page. */
  pageSize: number
}

/** Pages read at the same time, so that clients who all come back after a restart leave the store to others too. */
const READERS = 4

export type Replay = (client: Client, hall: Hall, after: string) => Promise<void>

/** The position before every event. */
export const BEGINNING = '0'

/** Resolves when the client is live or has left; throws when the log cannot be read. */
export const createReplay = ({ history, serialise, now, pageSize }: Collaborators): Replay => {
  const reading = createTurns(READERS)

  return async (client, hall, after) => {
    const { left } = client
    let position = after
    // Said once per position: what is missing stays missing.
    let mayBeBroken = after !== BEGINNING
    for (;;) {
      const { announced } = hall
      const { events, unbroken } = await reading(() => history.page(client.instanceId, position, pageSize))
      if (left.signal.aborted) return
      const frames = events.filter(hall.wants).map((event) => serialise(event, hall.instanceData))
      if (mayBeBroken && !unbroken) {
        mayBeBroken = false
        frames.unshift(gapFrame(position, events[0]?.id ?? null, hall.instanceData, now()))
      }
      // Pages nobody wants anything of would be read without ever letting anybody else run.
      if (frames.length === 0 && events.length > 0) await nextTurn()
      else await taken(client, frames)
      if (left.signal.aborted) return
      const newest = events.at(-1)
      if (newest !== undefined) {
        position = newest.id
        mayBeBroken = true
      } else if (hall.announced === announced) {
        // Everything announced so far was there to be read, and what comes next comes to the room.
        client.live = true
        return
      }
    }
  }
}

/** Sends frames and waits until the kernel has taken them all, or the client is gone. */
const taken = async ({ socket, left: { signal } }: Client, frames: readonly string[]): Promise<void> => {
  if (frames.length === 0) return
  const done = Promise.withResolvers<void>()
  const resolve = () => done.resolve()
  signal.addEventListener('abort', resolve)
  for (const [n, frame] of frames.entries()) socket.send(frame, n === frames.length - 1 ? resolve : undefined)
  await done.promise
  signal.removeEventListener('abort', resolve)
}

/**
 * Tells that events after `after` may be missing: the log no longer has it. It is no event and has no id; `oldest` is the first event after
 * it that is still there.
 */
const gapFrame = (after: string, oldest: string | null, instanceData: InstanceData, now: number): string =>
  `{"event":"log.gap","timestamp":"${rfc3339(now)}","data":${JSON.stringify({ after, oldest })},"instanceData":${instanceData}}`

/** Runs at most `limit` works at a time, the rest in the order they came. */
const createTurns = (limit: number) => {
  const waiting: (() => void)[] = []
  let running = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
