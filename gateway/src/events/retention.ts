/** Takes old events out of the log, a few at a time so that nobody waits for it. Dead letters go with age too, and keep their event until then. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../runtime/clock.ts'
import { ulidFloor } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Database } from '../storage/database.ts'

export interface Retention {
  start(): void
  stop(): Promise<void>
  /** One whole pass. Gives the number of events removed. */
  purge(): Promise<number>
}

interface Collaborators {
  db: Database
  clock: Clock
  logger: Logger
  retentionMs: number
}

const PASS_EVERY_MS = 60 * 60 * 1000
const CHUNK = 500
const PAUSE_MS = 50

export const createRetention = ({ db, clock, logger, retentionMs }: Collaborators): Retention => {
  let timer: NodeJS.Timeout | null = null
  let pass: Promise<unknown> = Promise.resolve()
  let stopped = false

  /** Events of one chunk after the cursor; null when there are no more that old. */
  const purgeChunk = async (cursor: string, before: number): Promise<{ cursor: string; removed: number } | null> => {
    const old = await db.read
      .selectFrom('events')
      .select('id')
      .where('id', '>', cursor)
      .where('id', '<', ulidFloor(before))
      .orderBy('id')
      .limit(CHUNK)
      .execute()
    const last = old.at(-1)
    if (last === undefined) return null
    const ids = old.map((row) => row.id)
    const removed = await db.write(async (tx) => {
      // What still waits for its receiver is as old as its event: nobody is going to want it any more.
      await tx.deleteFrom('deliveries').where('event_id', 'in', ids).execute()
      const result = await tx.deleteFrom('events').where('id', 'in', ids).executeTakeFirst()
      return Number(result.numDeletedRows)
    })
    return { cursor: last.id, removed }
  }

  const purge = async (): Promise<number> => {
    const before = clock.now() - retentionMs
    let removed = 0
    let cursor = ''
    while (!stopped) {
      const chunk = await purgeChunk(cursor, before)
      if (chunk === null) break
      removed += chunk.removed
      cursor = chunk.cursor
      await sleep(PAUSE_MS)
    }
    return removed
  }

  return {
    purge,
    start() {
      timer = setInterval(() => {
        pass = pass.then(purge).catch((error: unknown) => logger.error({ err: error }, 'Old events cannot be removed'))
      }, PASS_EVERY_MS)
      timer.unref()
    },
    async stop() {
      stopped = true
      if (timer !== null) clearInterval(timer)
      await pass
    },
  }
}
