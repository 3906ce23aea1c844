/** Blobs of the media host, in memory. When it is full the oldest go first, as on the real one. */

export class MediaStore {
  readonly #capacity: number
  readonly #blobs = new Map<string, Buffer>()
  #bytes = 0

  /** `capacity` in bytes. */
  constructor(capacity = 512 * 1024 * 1024) {
    this.#capacity = capacity
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Buffer | undefined {
    return this.#blobs.get(key)
  }

  /** Throws a RangeError when the blob alone is over the capacity. */
  put(key: string, blob: Buffer): void {
    if (blob.length > this.#capacity) throw new RangeError('the blob is larger than the store')
    this.delete(key)
    this.#blobs.set(key, blob)
    this.#bytes += blob.length
    for (const oldest of this.#blobs.keys()) {
      if (this.#bytes <= this.#capacity) break
      this.delete(oldest)
    }
  }

  keys(): string[] {
    return [...this.#blobs.keys()]
  }

  delete(key: string): void {
    const blob = this.#blobs.get(key)
    if (blob === undefined) return
    this.#blobs.delete(key)
    this.#bytes -= blob.length
  }
}
