/** Builds the media feature from its parts. */
import type { Outbound } from '../outbound/outbound.ts'
import type { Clock } from '../runtime/clock.ts'
import { ulid } from '../runtime/ids.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Settings } from '../settings.ts'
import type { Database } from '../storage/database.ts'
import type { Vault } from '../storage/vault.ts'
import type { MediaSession } from '../whatsapp/media.ts'
import { createBuckets } from './buckets.ts'
import { createConverter } from './convert/convert.ts'
import { createFetch } from './fetch.ts'
import { createKeyedLock } from './keyed-lock.ts'
import type { Attached, Attaching, Media, MediaSource } from './media.ts'
import { MEGABYTE } from './media-errors.ts'
import { createMediaRepository } from './media-repository.ts'
import { mediaOperations } from './operations.ts'
import { createReading } from './reading.ts'
import { createRetention } from './retention.ts'
import type { BucketConfiguration } from './store/bucket.ts'
import { createMediaFolder } from './store/folder.ts'
import { createTemporaryFolder } from './temporary-folder.ts'
import type { Wanted } from './wanted.ts'
import { createWorker } from './worker.ts'

interface Collaborators {
  db: Database
  vault: Vault
  clock: Clock
  logger: Logger
  outbound: Outbound
  settings: Pick<
    Settings,
    | 'dataDir'
    | 'mediaLimitMib'
    | 'mediaRetentionDays'
    | 'mediaConcurrency'
    | 'conversionConcurrency'
    | 'conversionSeconds'
    | 'ffmpegPath'
    | 'programFolders'
  >
  /** Null: the instance is not connected. */
  sessionOf(instanceId: string): MediaSession | null
  /** Null: it has none. */
  bucketOf(instanceId: string): Promise<BucketConfiguration | null>
  /** Null: it is gone. */
  instanceName(instanceId: string): string | null
}

/** For all of a download. */
const DOWNLOAD_TIMEOUT_MS = 120_000
const PAGE = 100

export const createMedia = ({ db, vault, clock, logger, outbound, settings, sessionOf, bucketOf, instanceName }: Collaborators): Media => {
  const limit = settings.mediaLimitMib * MEGABYTE
  const temporary = createTemporaryFolder(settings.dataDir)
  const folder = createMediaFolder(settings.dataDir)
  const lock = createKeyedLock()
  const repository = createMediaRepository({ db, vault })
  const buckets = createBuckets({ outbound, clock, configurationOf: bucketOf, nameOf: instanceName })
  const reading = createReading({ repository, folder, buckets, clock })
  const worker = createWorker({
    repository,
    folder,
    temporary,
    buckets,
    sessionOf,
    lock,
    onChanged: reading.changed,
    clock,
    logger,
    concurrency: settings.mediaConcurrency,
    limit,
  })
  const retention = createRetention({ repository, folder, lock, clock, logger, days: settings.mediaRetentionDays })
  const bring = createFetch({ outbound, folder: temporary, limit, timeoutMs: DOWNLOAD_TIMEOUT_MS })
  const converter = createConverter({
    folder: temporary,
    logger,
    ffmpegPath: settings.ffmpegPath,
    programFolders: settings.programFolders,
    timeoutMs: settings.conversionSeconds * 1000,
    concurrency: settings.conversionConcurrency,
    limit,
  })

  /** Whatever fails, no file stays behind. */
  const attach = async (source: MediaSource, wanted: Wanted, { session, newsletter = false, signal }: Attaching): Promise<Attached> => {
    const options = signal === undefined ? {} : { signal }
    const incoming = await bring(source, options)
    let file = incoming
    try {
      const converted = await converter.convert(incoming, wanted, signal)
      file = converted.file
      const { path, held } = file
      const upload = await session.uploadMedia({ path, kind: wanted.as, encrypted: !newsletter, ...options, ...(held && { held }) })
      return {
        ...converted,
        id: ulid(clock.now()),
        upload,
        mimeType: (wanted.as === 'document' && source.mimeType?.trim()) || converted.mimeType,
        fileName: file.fileName,
        size: file.size,
      }
    } catch (error) {
      await incoming.discard()
      await file.discard()
      throw error
    }
  }

  return {
    operations: mediaOperations({ ...reading, isConnected: (instanceId) => sessionOf(instanceId) !== null }),
    attach,
    bring,

    async profilePicture(source) {
      const file = await bring(source)
      try {
        return await converter.profilePicture(file)
      } finally {
        await file.discard()
      }
    },

    newId: () => ulid(clock.now()),

    async s3Urls(instanceId) {
      const bucket = await buckets.of(instanceId)
      if (bucket === null) return null
      return ({ id, media }) => bucket.urlOf(bucket.keyOf({ id, mimeType: media.mimeType, fileName: media.fileName }))
    },

    note: (tx, media) => repository.insert(tx, media, clock.now()),
    wake: worker.wake,

    async keep(instanceId, { id, file, upload }) {
      try {
        await worker.keep(instanceId, id, file, upload.fileSha256)
      } catch (error) {
        logger.error({ err: error, instance: instanceId, media: id }, 'A sent file could not be kept; it is downloaded again')
        await file.discard().catch(() => {})
      }
    },

    find: reading.find,
    open: reading.open,
    settled: reading.untilSettled,

    async remove(instanceId, chat, messageIds = undefined) {
      if (messageIds?.length === 0) return
      for (;;) {
        const page = await repository.ofMessages(instanceId, chat, messageIds ?? null, PAGE)
        await retention.remove(page)
        if (page.length < PAGE) return
      }
    },

    buckets: {
      verify: buckets.verify,
      trouble: buckets.trouble,
      async changed(instanceId) {
        buckets.forget(instanceId)
        await repository.postpone(instanceId, 'upload', clock.now())
        worker.wake()
      },
    },

    connected(instanceId) {
      repository
        .postpone(instanceId, 'download', clock.now())
        .then(worker.wake)
        .catch((error: unknown) => logger.error({ err: error, instance: instanceId }, 'Media that waits could not be taken up'))
    },

    instanceDeleted(instanceId) {
      buckets.forget(instanceId)
      folder
        .removeInstance(instanceId)
        .catch((error: unknown) => logger.error({ err: error, instance: instanceId }, 'The media of a deleted instance goes later'))
    },

    ffmpegState: async () => ((await converter.available()) ? 'ok' : 'missing'),

    async start() {
      await temporary.open()
      retention.start()
      worker.wake()
      void converter.available()
    },

    async stop() {
      await Promise.all([worker.stop(), retention.stop()])
    },
  }
}
