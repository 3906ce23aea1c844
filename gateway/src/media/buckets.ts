/** The bucket of each instance, as its configuration says now, and what is wrong with it. */
import type { Outbound } from '../outbound/outbound.ts'
import { createBoundedMap } from '../runtime/bounded-map.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Bucket, type BucketConfiguration, BucketError, openBucket } from './store/bucket.ts'

export interface Buckets {
  /** Null: the instance has none. */
  of(instanceId: string): Promise<InstanceBucket | null>
  /** Its configuration changed. */
  forget(instanceId: string): void
  /** Null: as far as known, it works. */
  trouble(instanceId: string): string | null
  setTrouble(instanceId: string, reason: string | null): void
  /** What is wrong with a configuration, in words for its owner; null: nothing. Never throws. */
  verify(configuration: BucketConfiguration): Promise<string | null>
}

export interface InstanceBucket extends Bucket {
  /** The name of a message's media in the bucket. */
  keyOf(media: { id: string; mimeType: string; fileName: string | null }): string
}

interface Collaborators {
  outbound: Pick<Outbound, 'request' | 'download'>
  clock: Clock
  configurationOf(instanceId: string): Promise<BucketConfiguration | null>
  nameOf(instanceId: string): string | null
}

const REMEMBERED = 10_000

export const createBuckets = ({ outbound, clock, configurationOf, nameOf }: Collaborators): Buckets => {
  const known = createBoundedMap<string, { bucket: InstanceBucket | null }>(REMEMBERED)
  const troubles = createBoundedMap<string, string>(REMEMBERED)
  /** Counts changes, so that what was read before one is not remembered after it. */
  let changes = 0

  const open = (instanceId: string, configuration: BucketConfiguration): InstanceBucket => {
    const prefix = configuration.pathPrefix.replace(/^\/+/, '')
    return {
      ...openBucket({ outbound, clock }, configuration),
      keyOf: ({ id, mimeType, fileName }) => `${prefix}${nameOf(instanceId) ?? instanceId}/${id}${extensionOf(mimeType, fileName)}`,
    }
  }

  return {
    async of(instanceId) {
      const remembered = known.get(instanceId)
      if (remembered !== undefined) return remembered.bucket
      const before = changes
      const configuration = await configurationOf(instanceId)
      const bucket = configuration === null ? null : open(instanceId, configuration)
      if (before === changes) known.set(instanceId, { bucket })
      return bucket
    },
    forget(instanceId) {
      changes++
      known.delete(instanceId)
      troubles.delete(instanceId)
    },
    trouble: (instanceId) => troubles.get(instanceId) ?? null,
    setTrouble(instanceId, reason) {
      if (reason === null) troubles.delete(instanceId)
      else troubles.set(instanceId, reason)
    },
    async verify(configuration) {
      try {
        await openBucket({ outbound, clock }, configuration).verify()
        return null
      } catch (error) {
        return error instanceof BucketError ? error.message : 'the bucket cannot be used'
      }
    },
  }
}

const extensions: Readonly<Record<string, string>> = {
  'application/pdf': '.pdf',
  'audio/aac': '.aac',
  'audio/amr': '.amr',
  'audio/mp4': '.m4a',
  'audio/mpeg': '.mp3',
  'audio/ogg': '.ogg',
  'image/gif': '.gif',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/webp': '.webp',
  'text/plain': '.txt',
  'video/3gpp': '.3gp',
  'video/mp4': '.mp4',
}

/** So that a browser or a person knows what it is. */
const extensionOf = (mimeType: string, fileName: string | null): string =>
  extensions[mimeType.replace(/;.*$/s, '').trim().toLowerCase()] ?? /\.[A-Za-z0-9]{1,10}$/.exec(fileName ?? '')?.[0].toLowerCase() ?? ''
