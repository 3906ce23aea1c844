/** Media as others read it, waiting a moment for what is still on its way. */
import { Readable } from 'node:stream'
import type { Clock } from '../runtime/clock.ts'
import type { Buckets } from './buckets.ts'
import type { OpenMedia, StoredMedia } from './media.ts'
import type { MediaRepository, MediaRow } from './media-repository.ts'
import type { MediaFolder } from './store/folder.ts'

export interface Reading {
  find(instanceId: string, messageId: string): Promise<StoredMedia | null>
  open(instanceId: string, id: string): Promise<OpenMedia | null>
  untilSettled(instanceId: string, id: string): Promise<void>
  /** It has arrived, is in the bucket, or is lost. */
  changed(id: string): void
}

interface Collaborators {
  repository: MediaRepository
  folder: MediaFolder
  buckets: Buckets
  clock: Clock
}

/** From when it was noted: a receiver of events gets its message no later because the media is slow. */
export const PATIENCE_MS = 20_000

export const createReading = ({ repository, folder, buckets, clock }: Collaborators): Reading => {
  const listeners = new Map<string, Set<() => void>>()

  /** Hears of the next change of this media. */
  const listen = (id: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const all = listeners.get(id) ?? new Set()
    listeners.set(id, all.add(resolve))
    return {
      async within(milliseconds: number): Promise<void> {
        const timer = setTimeout(resolve, milliseconds)
        await promise
        clearTimeout(timer)
      },
      stop(): void {
        all.delete(resolve)
        if (all.size === 0 && listeners.get(id) === all) listeners.delete(id)
      },
    }
  }

  /** The row, after a wait when `isWaitedFor` and it is young. Listening begins before the look, or a change could be missed. */
  const settledRow = async (instanceId: string, id: string, isWaitedFor: (row: MediaRow) => boolean): Promise<MediaRow | null> => {
    for (;;) {
      const change = listen(id)
      try {
        const row = await repository.byId(instanceId, id)
        const left = row === null ? 0 : row.createdAt + PATIENCE_MS - clock.now()
        if (row === null || left <= 0 || !isWaitedFor(row)) return row
        await change.within(left)
      } finally {
        change.stop()
      }
    }
  }

  return {
    changed(id) {
      for (const hear of listeners.get(id) ?? []) hear()
    },

    async find(instanceId, messageId) {
      const row = await repository.find(instanceId, messageId)
      if (row === null) return null
      const { id, type, mimeType, fileName, size, s3Url, state } = row
      const isPending = state === 'download' || (state === 'upload' && !row.local)
      return { id, messageId, type, mimeType, fileName, size, s3Url, state: isPending ? 'pending' : state === 'lost' ? 'lost' : 'stored' }
    },

    async open(instanceId, id) {
      const row = await settledRow(instanceId, id, ({ state }) => state === 'download')
      if (row === null || row.sha256 === null) return null
      const { sha256, bucketKey } = row
      const size = row.local ? await folder.size(instanceId, sha256) : null
      if (size !== null) return { size, stream: () => folder.stream(instanceId, sha256) }
      const bucket = bucketKey === null ? null : await buckets.of(instanceId)
      if (bucket === null || bucketKey === null || row.size === null) return null
      const fromBucket = async function* () {
        const object = await bucket.get(bucketKey)
        if (object === null) throw new Error('the bucket does not have it any more')
        yield* object.stream
      }
      return { size: row.size, stream: () => Readable.from(fromBucket(), { objectMode: false }) }
    },

    async untilSettled(instanceId, id) {
      await settledRow(instanceId, id, ({ state }) => state === 'download' || state === 'upload')
    },
  }
}
