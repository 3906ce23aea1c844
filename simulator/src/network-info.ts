/** What a client needs to be pointed here: the ready line and `GET /network`. */
export interface NetworkInfo {
  api: string
  whatsappUrl: string
  /** Base64 of 32 bytes. */
  rootKey: string
  mediaUrl: string
  /** PEM. */
  mediaCa: string
}
