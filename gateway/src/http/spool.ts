/** Where long values of a request wait on disk: a base64 of 100 MB in a JSON body, an uploaded file. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface Spool {
  /** Makes the folder, empty: what a crash left behind is removed. */
  open(): Promise<void>
  /** A file to be written piece by piece. */
  create(): SpoolWriter
}

export interface SpoolWriter {
  readonly path: string
  readonly size: number
  /** Resolves when the next piece may come. */
  write(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
  /** Closes and removes it. */
  discard(): Promise<void>
}

export const createSpool = (dataDir: string): Spool => {
  const folder = join(dataDir, 'spool')
  return {
    async open() {
      await rm(folder, { recursive: true, force: true })
      await mkdir(folder, { recursive: true, mode: 0o700 })
    },
    create: () => new Writer(join(folder, randomUUID())),
  }
}

class Writer implements SpoolWriter {
  readonly path: string
  size = 0
  readonly #file: WriteStream
  #failure: Error | null = null

  constructor(path: string) {
    this.path = path
    this.#file = createWriteStream(path, { flags: 'wx', mode: 0o600 })
    this.#file.on('error', (error) => {
      this.#failure = error
    })
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    this.size += bytes.length
    if (!this.#file.write(bytes)) await once(this.#file, 'drain')
  }

  async close(): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    this.#file.end()
    await once(this.#file, 'close')
  }

  async discard(): Promise<void> {
    this.#file.destroy()
    await rm(this.path, { force: true })
  }
}
