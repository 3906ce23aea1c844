/**
 * Fetches the media of messages, a bounded number at a time, and puts it where it is kept. The queue is the table `media`:
 *
 *   download ──▶ (in the folder) ──▶ upload ──▶ stored          without a bucket: download ──▶ stored
 *      │  ▲                            │  ▲
 *      │  └── backoff, or until the    └──┘ backoff, for as long as it takes
 *      │      instance is connected
 *      ├──▶ gone from the media host: the phone is asked to upload it again ──▶ download
 *      └──▶ lost: the phone has it no more either, or it was tried too often
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { backoffDelay } from '../runtime/backoff.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logging.ts'
import { EngineError } from '../whatsapp/engine.ts'
import type { MediaReference, MediaSession } from '../whatsapp/media.ts'
import type { Buckets } from './buckets.ts'
import type { MediaRepository, MediaTask } from './media-repository.ts'
import { BucketError } from './store/bucket.ts'
import type { MediaFolder } from './store/folder.ts'
import { remove, type TemporaryFolder } from './temporary-folder.ts'

export interface Worker {
  /** Something may be due. */
  wake(): void
  /** A file of ours is the content of this media: nothing has to be downloaded. Takes the file over. */
  keep(instanceId: string, id: string, file: { path: string; size: number }, sha256: Uint8Array): Promise<void>
  /** Ends what is under way; it is taken up again by the next run. */
  stop(): Promise<void>
}

interface Collaborators {
  repository: MediaRepository
  folder: MediaFolder
  temporary: TemporaryFolder
  buckets: Buckets
  /** Null: not connected. */
  sessionOf(instanceId: string): MediaSession | null
  /** One at a time per instance and content. */
  lock<T>(key: string, work: () => Promise<T>): Promise<T>
  /** It has arrived, is in the bucket, or is lost. */
  onChanged(id: string): void
  clock: Clock
  logger: Logger
  concurrency: number
  /** Bytes; what is larger is not kept. */
  limit: number
}

/** Of one instance at a time, so that a flood for one does not hold up the others. */
const PER_INSTANCE = 2
const BACKOFF = { firstMs: 5_000, maxMs: 3_600_000 }
/** About three hours; the phone may be off for longer, but then its message is asked for again when it is connected. */
const DOWNLOAD_ATTEMPTS = 12
const DAMAGED_ATTEMPTS = 3
/** Looked at again without having been connected meanwhile. */
const NOT_CONNECTED_MS = 3_600_000
const LONGEST_SLEEP_MS = 60_000
const STORE_PAUSE_MS = 5_000

export const createWorker = (collaborators: Collaborators): Worker => {
  const { repository, folder, temporary, buckets, sessionOf, lock, onChanged, clock, logger, concurrency, limit } = collaborators
  const active = new Map<string, { instanceId: string; done: Promise<void> }>()
  const stopping = new AbortController()
  let looking: Promise<void> = Promise.resolve()
  let isLooking = false
  let again = false
  let timer: NodeJS.Timeout | null = null

  const wake = (): void => {
    if (stopping.signal.aborted) return
    again = true
    if (isLooking) return
    isLooking = true
    looking = look()
  }

  const look = async (): Promise<void> => {
    while (again && !stopping.signal.aborted) {
      again = false
      try {
        await fill()
        if (!again) await sleepUntilDue()
      } catch (error) {
        logger.error({ err: error }, 'The media queue cannot be read; trying again')
        wakeIn(STORE_PAUSE_MS)
      }
    }
    isLooking = false
  }

  const fill = async (): Promise<void> => {
    while (active.size < concurrency) {
      const instances = [...active.values()].map(({ instanceId }) => instanceId)
      const saturated = [...new Set(instances)].filter((id) => instances.filter((other) => other === id).length >= PER_INSTANCE)
      const [task] = await repository.due(clock.now(), 1, { ids: [...active.keys()], instances: saturated })
      if (task === undefined || stopping.signal.aborted) return
      const done = work(task).finally(() => {
        active.delete(task.id)
        wake()
      })
      active.set(task.id, { instanceId: task.instanceId, done })
    }
  }

  const sleepUntilDue = async (): Promise<void> => {
    const due = await repository.nextDue()
    // Whatever is due now waits for a place, and whoever leaves one wakes us.
    if (due !== null) wakeIn(Math.max(due - clock.now(), active.size > 0 ? LONGEST_SLEEP_MS : 0))
  }

  const wakeIn = (milliseconds: number): void => {
    if (timer !== null) clearTimeout(timer)
    timer = setTimeout(wake, Math.min(milliseconds, LONGEST_SLEEP_MS))
    timer.unref()
  }

  /** Never throws. */
  const work = async (task: MediaTask): Promise<void> => {
    try {
      if (task.state === 'upload') await upload(task)
      else await download(task)
    } catch (error) {
      if (stopping.signal.aborted) return
      logger.error({ err: error, media: task.id }, 'A media file could not be stored; trying again')
      await repository.failed(task.id, task.attempts, clock.now() + STORE_PAUSE_MS, 'storage').catch(() => {})
    }
  }

  const download = async (task: MediaTask): Promise<void> => {
    const known = hexOf(task.reference.fileSha256)
    // The same content came before, e.g. a sticker that everybody sends.
    if (known !== null && (await takeCopy(task, known))) return
    const session = sessionOf(task.instanceId)
    if (session === null) return void (await repository.postpone(task.instanceId, 'download', clock.now() + NOT_CONNECTED_MS))
    const path = temporary.newPath()
    try {
      const { size } = await fetchInto(path, session, task)
      await arrive(task, { path, size }, known ?? (await hashOf(path)))
    } catch (error) {
      if (stopping.signal.aborted || !(error instanceof EngineError)) throw error
      await downloadFailed(task, error)
    } finally {
      await remove(path)
    }
  }

  const fetchInto = async (path: string, session: MediaSession, task: MediaTask): Promise<{ size: number }> => {
    const get = (reference: MediaReference) => session.downloadMedia(reference, { path, maxBytes: limit, signal: stopping.signal })
    try {
      return await get(task.reference)
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'gone' || task.reference.mediaKey === null) throw error
      const reference = await session.requestMediaAgain(task.key, task.reference)
      await repository.relocate(task.id, reference)
      return get(reference)
    }
  }

  const takeCopy = (task: MediaTask, sha256: string): Promise<boolean> =>
    lock(`${task.instanceId}/${sha256}`, async () => {
      const size = await folder.size(task.instanceId, sha256)
      if (size === null) return false
      await arrived(task, sha256, size)
      return true
    })

  const arrive = (
    task: Pick<MediaTask, 'id' | 'instanceId'>,
    { path, size }: { path: string; size: number },
    sha256: string,
  ): Promise<void> =>
    lock(`${task.instanceId}/${sha256}`, async () => {
      await folder.take(task.instanceId, sha256, path)
      await arrived(task, sha256, size)
    })

  const arrived = async ({ id, instanceId }: Pick<MediaTask, 'id' | 'instanceId'>, sha256: string, size: number): Promise<void> => {
    const toBucket = (await buckets.of(instanceId)) !== null
    await repository.arrived(id, { sha256, size, toBucket }, clock.now())
    onChanged(id)
    if (toBucket) wake()
  }

  const downloadFailed = async (task: MediaTask, error: EngineError): Promise<void> => {
    if (error.code === 'not-connected' || error.code === 'logged-out') {
      await repository.postpone(task.instanceId, 'download', clock.now() + NOT_CONNECTED_MS)
      return
    }
    const attempts = task.attempts + 1
    const most = error.code === 'damaged' ? DAMAGED_ATTEMPTS : DOWNLOAD_ATTEMPTS
    if (error.code === 'gone' || error.code === 'too-large' || attempts >= most) {
      logger.warn({ instance: task.instanceId, media: task.id, reason: error.message }, 'The media of a message is lost')
      await repository.lost(task.id, error.message)
      onChanged(task.id)
      return
    }
    logger.debug({ media: task.id, reason: error.message }, 'Media could not be downloaded; trying again')
    await repository.failed(task.id, attempts, clock.now() + backoffDelay(attempts - 1, BACKOFF), error.message)
  }

  const upload = async (task: MediaTask): Promise<void> => {
    const bucket = await buckets.of(task.instanceId)
    const { sha256 } = task
    const size = sha256 === null ? null : await folder.size(task.instanceId, sha256)
    if (bucket === null || sha256 === null || size === null) {
      await repository.settle(task.id, null)
      onChanged(task.id)
      return
    }
    const key = bucket.keyOf(task)
    try {
      await bucket.put(key, {
        size,
        sha256,
        mimeType: task.mimeType,
        stream: () => folder.stream(task.instanceId, sha256),
        signal: stopping.signal,
      })
      await repository.settle(task.id, { key, url: bucket.urlOf(key) })
      buckets.setTrouble(task.instanceId, null)
      onChanged(task.id)
    } catch (error) {
      if (stopping.signal.aborted || !(error instanceof BucketError)) throw error
      if (buckets.trouble(task.instanceId) !== error.message) {
        logger.warn(
          { instance: task.instanceId, reason: error.message },
          'The S3 bucket of an instance does not take its media; trying again',
        )
      }
      buckets.setTrouble(task.instanceId, error.message)
      const attempts = task.attempts + 1
      await repository.failed(task.id, attempts, clock.now() + backoffDelay(attempts - 1, BACKOFF), error.message)
    }
  }

  return {
    wake,
    keep: (instanceId, id, file, sha256) => arrive({ id, instanceId }, file, Buffer.from(sha256).toString('hex')),
    async stop() {
      stopping.abort()
      if (timer !== null) clearTimeout(timer)
      await looking
      await Promise.all([...active.values()].map(({ done }) => done))
    },
  }
}

const hashOf = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(chunk)
  return hash.digest('hex')
}

const hexOf = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'))
