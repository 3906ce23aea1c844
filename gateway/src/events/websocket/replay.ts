/**
 * `?after=<event id>`, and media in base64: a client is read to from the log, a page at a time and no faster than it takes them, until it has everything that
 * was announced; from then on it is live. Both halves have the order of the log, so nothing is left out in between and nothing comes twice.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { rfc3339 } from '../../runtime/clock.ts'
import { carriesMedia, type InstanceData, type StoredEvent } from '../envelope.ts'
import type { EventHistory } from '../history.ts'
import type { Body, StreamedBody } from '../webhooks/body.ts'
import type { Client } from './client.ts'

/** What the replay asks of the room its client is in. */
export interface Hall {
  /** The id announced last since the room is there, `""` when none was. */
  readonly announced: string
  readonly instanceData: InstanceData
  readonly settings: { readonly mediaBase64: boolean }
  wants(event: StoredEvent): boolean
}

interface Collaborators {
  history: EventHistory
  serialise(event: StoredEvent, instanceData: InstanceData): string
  /** The same with the bytes of its media, once they are here; without them when they cannot be had. */
  withMedia(event: StoredEvent, instanceData: InstanceData): Promise<Body>
  now(): number
  /** Events in a page. */
  pageSize: number
}

/** Pages read at the same time, so that clients who all come back after a restart leave the store to others too. */
const READERS = 4

/** From the event after this one on; `first` is sent before, whatever the log says. */
export type Replay = (client: Client, hall: Hall, after: string, first?: StoredEvent) => Promise<void>

/** The position before every event. */
export const BEGINNING = '0'

/** Resolves when the client is live or has left; throws when the log cannot be read. */
export const createReplay = ({ history, serialise, withMedia, now, pageSize }: Collaborators): Replay => {
  const reading = createTurns(READERS)

  /** Sends them in order; one with media ends what can be sent at once. */
  const tell = async (client: Client, hall: Hall, events: readonly StoredEvent[], before: readonly string[] = []): Promise<void> => {
    let frames = [...before]
    for (const event of events) {
      if (!hall.settings.mediaBase64 || !carriesMedia(event)) {
        frames.push(serialise(event, hall.instanceData))
        continue
      }
      await taken(client, frames)
      frames = []
      const body = await withMedia(event, hall.instanceData)
      if (client.left.signal.aborted) return
      if (typeof body === 'string') frames.push(body)
      else await streamed(client, body)
    }
    await taken(client, frames)
  }

  return async (client, hall, after, first) => {
    const { left } = client
    if (first !== undefined) await tell(client, hall, [first])
    let position = after
    // Said once per position: what is missing stays missing.
    let mayBeBroken = after !== BEGINNING
    for (;;) {
      const { announced } = hall
      const { events, unbroken } = await reading(() => history.page(client.instanceId, position, pageSize))
      if (left.signal.aborted) return
      const wanted = events.filter(hall.wants)
      const gap = mayBeBroken && !unbroken ? [gapFrame(position, events[0]?.id ?? null, hall.instanceData, now())] : []
      if (gap.length > 0) mayBeBroken = false
      // Pages nobody wants anything of would be read without ever letting anybody else run.
      if (wanted.length + gap.length === 0 && events.length > 0) await nextTurn()
      else await tell(client, hall, wanted, gap)
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

/** One message in pieces, each sent when the kernel has taken the one before: its size does not matter to us. */
const streamed = async (client: Client, body: StreamedBody): Promise<void> => {
  for await (const piece of body.stream() as AsyncIterable<Buffer>) {
    if (client.left.signal.aborted) return
    await sent(client, piece, false)
  }
  await sent(client, Buffer.alloc(0), true)
}

/** Resolves also when the client is gone. */
const sent = async ({ socket, left: { signal } }: Client, piece: Buffer, fin: boolean): Promise<void> => {
  const done = Promise.withResolvers<void>()
  const resolve = () => done.resolve()
  signal.addEventListener('abort', resolve)
  socket.send(piece, { binary: false, fin }, resolve)
  await done.promise
  signal.removeEventListener('abort', resolve)
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
