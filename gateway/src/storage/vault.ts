/** Seals what must not be readable in a stolen database file. */

export interface SealContext {
  table: string
  column: string
  /** The row's key, e.g. the instance id or `instance/kind/id`. */
  row: string
}

export interface Vault {
  /** AES-256-GCM with a random nonce; table, column and row are bound as associated data. */
  seal(plaintext: Uint8Array | string, context: SealContext): Uint8Array
  /** Throws when the key is unknown or anything was altered. */
  open(sealed: Uint8Array, context: SealContext): Uint8Array
  openText(sealed: Uint8Array, context: SealContext): string
}
