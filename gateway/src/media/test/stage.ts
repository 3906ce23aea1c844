/** The media feature over a real database, a folder of its own, the media host in memory and, where it matters, a real S3 server. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import type { TestDatabase } from '../../../testing/databases.ts'
import { addAccount, addInstance } from '../../../testing/rows.ts'
import { createOutbound } from '../../outbound/outbound.ts'
import { createLogger } from '../../runtime/logging.ts'
import { MemoryMediaHost } from '../../whatsapp/adapters/memory/media.ts'
import type { MediaSession, UploadedMedia } from '../../whatsapp/media.ts'
import { createMedia } from '../create-media.ts'
import type { Media, NewMedia, StoredMedia } from '../media.ts'
import type { BucketConfiguration } from '../store/bucket.ts'
import { readWireMedia, type WireMedia } from '../wire-media.ts'

export interface Stage {
  media: Media
  home: string
  host: MemoryMediaHost
  clock: { time: number }
  /** Instances that are connected. */
  connected: Set<string>
  buckets: Map<string, BucketConfiguration>
  /** How many downloads were under way at the same time, at most. */
  most: number
  /** Downloads wait for this. */
  gate: Promise<void>
  /** A message with media arrives; gives the media's id. */
  receive(instanceId: string, bytes: Uint8Array, more?: Partial<NewMedia> & { upload?: UploadedMedia }): Promise<string>
  until(instanceId: string, messageId: string, state: StoredMedia['state']): Promise<StoredMedia>
  content(instanceId: string, id: string): Promise<Buffer | null>
  /** The process ends and the next one starts on the same data. */
  restart(): Promise<void>
}

export const DAY = 86_400_000

export const openStage = async ({ db, vault }: TestDatabase, options: { concurrency?: number; home?: string } = {}): Promise<Stage> => {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'ryzeapi-media-')))
  const host = new MemoryMediaHost()
  const clock = { time: 1_790_000_000_000 }
  const connected = new Set(['shop', 'desk'])
  const buckets = new Map<string, BucketConfiguration>()
  const logger = createLogger('silent')
  const outbound = createOutbound({ allow: ['127.0.0.1'], logger })
  let running = 0
  const session: MediaSession = {
    uploadMedia: (file) => host.upload(file),
    async downloadMedia(media, to) {
      running++
      stage.most = Math.max(stage.most, running)
      try {
        await stage.gate
        return await host.download(media, to)
      } finally {
        running--
      }
    },
    requestMediaAgain: async (message, media) => host.uploadAgain(message.id, media),
  }
  const create = () =>
    createMedia({
      db,
      vault,
      clock: { now: () => clock.time },
      logger,
      outbound,
      settings: {
        dataDir: home,
        mediaLimitMib: 1,
        mediaRetentionDays: 30,
        mediaConcurrency: options.concurrency ?? 4,
        conversionConcurrency: 2,
        conversionSeconds: 60,
        ffmpegPath: join(home, 'no-ffmpeg'),
        programFolders: [],
      },
      sessionOf: (instanceId) => (connected.has(instanceId) ? session : null),
      bucketOf: async (instanceId) => buckets.get(instanceId) ?? null,
      instanceName: (instanceId) => `name of ${instanceId}`,
    })

  const stage: Stage = {
    media: create(),
    home,
    host,
    clock,
    connected,
    buckets,
    most: 0,
    gate: Promise.resolve(),
    async receive(instanceId, bytes, { upload = host.put(bytes), ...more } = {}) {
      const id = more.id ?? stage.media.newId()
      const media = more.media ?? wireMedia(upload)
      const note: NewMedia = {
        messageId: `message-${id}`,
        chat: 'bob@s.whatsapp.net',
        sender: 'bob@s.whatsapp.net',
        fromMe: false,
        ...more,
        id,
        instanceId,
        media,
      }
      await db.write((tx) => stage.media.note(tx, [note]))
      stage.media.wake()
      return id
    },
    until: (instanceId, messageId, state) =>
      vi.waitFor(
        async () => {
          const found = await stage.media.find(instanceId, messageId)
          if (found?.state !== state) throw new Error(`${messageId} is ${found?.state ?? 'not there'}, not ${state}`)
          return found
        },
        { interval: 10 },
      ),
    async content(instanceId, id) {
      const opened = await stage.media.open(instanceId, id)
      return opened === null ? null : Buffer.concat(await opened.stream().toArray())
    },
    async restart() {
      await stage.media.stop()
      stage.media = create()
      await stage.media.start()
    },
  }
  await addAccount(db, 'account')
  await addInstance(db, 'shop', 'account')
  await addInstance(db, 'desk', 'account')
  await stage.media.start()
  onTestFinished(async () => {
    await stage.media.stop()
    await outbound.close()
    if (options.home === undefined) await rm(home, { recursive: true, force: true })
  })
  return stage
}

/** An image as it stands in a message. */
export const wireMedia = (upload: UploadedMedia, mimetype = 'image/jpeg'): WireMedia => {
  const media = readWireMedia({ imageMessage: { ...upload, mimetype } })
  if (media === null) throw new Error('an image has media')
  return media
}
