/** Files on their way through the gateway. What a crash left behind is removed at the next start. */
import { randomUUID } from 'node:crypto'
import { mkdir, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { MediaFile } from './media-file.ts'

export interface TemporaryFolder {
  /** Makes the folder, empty. */
  open(): Promise<void>
  /** A path nobody uses; nothing is there yet. */
  newPath(): string
  /** A file that was written to a path of ours. */
  file(path: string, about: Pick<MediaFile, 'mimeType' | 'fileName' | 'held'>): Promise<MediaFile>
}

export const createTemporaryFolder = (dataDir: string): TemporaryFolder => {
  const folder = join(dataDir, 'tmp')
  return {
    async open() {
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true, mode: 0o700 })
    },
    newPath: () => join(folder, randomUUID()),
    file: async (path, about) => ({ ...about, path, size: about.held?.length ?? (await stat(path)).size, discard: () => remove(path) }),
  }
}

/** As `rm` with `force`, without its look at what it is. */
export const remove = (path: string): Promise<void> =>
  unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
