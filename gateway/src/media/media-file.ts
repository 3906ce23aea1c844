/** A file on its way through the gateway, in DATA_DIR/tmp. */
export interface MediaFile {
  path: string
  /** Bytes. */
  size: number
  /** Found from the content; `application/octet-stream` when nothing is known and the caller did not say. */
  mimeType: string
  fileName: string | null
  /** All of it, where it came in memory: reading it again would cost more. */
  held?: Uint8Array
  /** Removes it. Calling it twice, or after it was moved away, is fine. */
  discard(): Promise<void>
}
