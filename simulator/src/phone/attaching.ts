/** A file to go with a message: encrypted (or left open, for newsletters), uploaded, and its place and keys filled in. */
import type { proto } from 'baileys'
import type { MediaTransfer } from '../ports.ts'
import { encryptMedia, mediaPart, openMedia } from './media.ts'

/** Throws when the message has no media field, and what the upload throws. `now` in Unix seconds. */
export async function attach(
  message: proto.IMessage,
  media: { bytes: Uint8Array; mimetype: string },
  { transfer, sealed, now }: { transfer: MediaTransfer | undefined; sealed: boolean; now: number },
): Promise<void> {
  const found = mediaPart(message)
  if (!found) throw new Error('the message has no media field to fill')
  if (!transfer) throw new Error('this phone has no media host')
  const { ciphertext, ...keys } = sealed ? encryptMedia(media.bytes, found.kind) : openMedia(media.bytes)
  const place = await transfer.upload({ bytes: ciphertext, fileEncSha256: keys.fileEncSha256 ?? keys.fileSha256, kind: found.kind })
  Object.assign(found.part, keys, place, { mimetype: media.mimetype, mediaKeyTimestamp: now })
}
