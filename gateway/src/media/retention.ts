/** Removes what was kept long enough, and what belongs to nobody any more. */
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Kept, MediaRepository } from './media-repository.ts'
import type { MediaFolder } from './store/folder.ts'

export interface Retention {
  start(): void
  stop(): Promise<void>
  /** One round; for tests. */
  sweep(): Promise<void>
  /** Removes media with its content; other messages with the same content keep theirs. */
  remove(media: readonly Kept[]): Promise<void>
}

interface Collaborators {
  repository: MediaRepository
  folder: MediaFolder
  lock<T>(key: string, work: () => Promise<T>): Promise<T>
  clock: Clock
  logger: Logger
  days: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What the bucket has is still wanted here for a while, by deliveries that carry it. */
const BESIDE_BUCKET_MS = HOUR_MS
const PAGE = 100

export const createRetention = ({ repository, folder, lock, clock, logger, days }: Collaborators): Retention => {
  let timer: NodeJS.Timeout | null = null
  let running: Promise<void> | null = null
  let stopped = false

  const drop = ({ id, instanceId, sha256 }: Kept, forget: (id: string) => Promise<unknown>): Promise<void> => {
    const without = async () => {
      if (sha256 !== null && !(await repository.isShared(instanceId, sha256, id))) await folder.remove(instanceId, sha256)
      await forget(id)
    }
    return sha256 === null ? without() : lock(`${instanceId}/${sha256}`, without)
  }

  const dropAll = async (before: number, inBucket: boolean): Promise<void> => {
    for (;;) {
      const page = await repository.kept(before, inBucket, PAGE)
      for (const one of page) {
        if (stopped) return
        await drop(one, repository.dropLocal)
      }
      if (page.length < PAGE) return
    }
  }

  const sweep = async (): Promise<void> => {
    const now = clock.now()
    await dropAll(now - BESIDE_BUCKET_MS, true)
    await dropAll(now - days * DAY_MS, false)
    const folders = await folder.instances()
    for (let at = 0; at < folders.length; at += PAGE) {
      const page = folders.slice(at, at + PAGE)
      const existing = await repository.existingInstances(page)
      for (const instanceId of page) if (!existing.has(instanceId)) await folder.removeInstance(instanceId)
    }
  }

  const run = (): void => {
    running ??= sweep()
      .catch((error: unknown) => logger.error({ err: error }, 'Old media could not be removed; trying again in an hour'))
      .finally(() => {
        running = null
      })
  }

  return {
    start() {
      run()
      timer = setInterval(run, HOUR_MS)
      timer.unref()
    },
    async stop() {
      stopped = true
      if (timer !== null) clearInterval(timer)
      await running
    },
    sweep,
    async remove(media) {
      for (const one of media) await drop(one, repository.remove)
    },
  }
}
