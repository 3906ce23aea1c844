/** Everything random in the network, so that `--seed` repeats keys and ids. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto'

export class Seed {
  readonly #secret: Buffer
  readonly repeatable: boolean

  /** Without a text every start is different. */
  constructor(text?: string) {
    this.repeatable = text !== undefined
    this.#secret = text === undefined ? randomBytes(32) : createHash('sha256').update(text).digest()
  }

  /** 32 bytes that belong to `purpose`, the same at every call. */
  secret(purpose: string): Buffer {
    return createHash('sha256').update(this.#secret).update(purpose).digest()
  }

  /** An endless stream of bytes that belongs to `purpose`: AES-256-CTR over zeros. */
  stream(purpose: string): (length: number) => Buffer {
    const cipher = createCipheriv('aes-256-ctr', this.secret(purpose), Buffer.alloc(16))
    return (length) => cipher.update(Buffer.alloc(length))
  }
}
