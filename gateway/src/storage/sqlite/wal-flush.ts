/**
 * Makes committed writes durable without standing still. With `synchronous = normal` a commit only writes to the journal (`-wal`), and
 * what SQLite would then do inside the commit, flush it, is done here in Node's thread pool: the event loop goes on meanwhile. SQLite itself
 * flushes the journal before it moves its content into the database file, so the file never runs ahead of it.
 */
import { type FileHandle, open } from 'node:fs/promises'

export interface WalFlush {
  /** Resolves when everything committed before the call is on the disk. Throws when the disk refuses. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** `path` is the database's. The journal keeps its file for as long as a connection is open, so one handle serves all the time. */
export const createWalFlush = (path: string): WalFlush => {
  let handle: Promise<FileHandle> | null = null
  return {
    async flush() {
      handle ??= open(`${path}-wal`, 'r+')
      try {
        await (await handle).datasync()
      } catch (error) {
        handle = null
        throw error
      }
    },
    async close() {
      if (handle !== null) await (await handle).close()
      handle = null
    },
  }
}
