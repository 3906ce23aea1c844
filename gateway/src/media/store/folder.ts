/**
 * The default place for media: DATA_DIR/media/<instance>/<first two digits>/<SHA-256>. The same content of one instance is there once;
 * instances share nothing, so that deleting one is deleting its folder.
 */
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'

export interface MediaFolder {
  /** Moves a file of ours there; what is there already stays. */
  take(instanceId: string, sha256: string, path: string): Promise<void>
  /** Null: not there. */
  size(instanceId: string, sha256: string): Promise<number | null>
  stream(instanceId: string, sha256: string): Readable
  remove(instanceId: string, sha256: string): Promise<void>
  removeInstance(instanceId: string): Promise<void>
  /** Instances with a folder. */
  instances(): Promise<string[]>
}

export const createMediaFolder = (dataDir: string): MediaFolder => {
  const root = join(dataDir, 'media')
  const pathOf = (instanceId: string, sha256: string) => {
    if (!/^[0-9a-f]{64}$/.test(sha256) || !/^[\w-]+$/.test(instanceId)) throw new Error('not a name of a file')
    return join(root, instanceId, sha256.slice(0, 2), sha256)
  }
  return {
    async take(instanceId, sha256, path) {
      const target = pathOf(instanceId, sha256)
      try {
        await rename(path, target)
      } catch {
        // Mostly its folder is there already.
        await mkdir(dirname(target), { recursive: true, mode: 0o700 })
        await rename(path, target)
      }
    },
    async size(instanceId, sha256) {
      try {
        return (await stat(pathOf(instanceId, sha256))).size
      } catch {
        return null
      }
    },
    stream: (instanceId, sha256) => createReadStream(pathOf(instanceId, sha256), { highWaterMark: 64 * 1024 }),
    remove: (instanceId, sha256) => rm(pathOf(instanceId, sha256), { force: true }),
    removeInstance: (instanceId) => rm(join(root, instanceId), { recursive: true, force: true }),
    instances: () => readdir(root).catch(() => []),
  }
}
