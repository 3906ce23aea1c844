/** A message that an earlier attempt under the same Idempotency-Key began to send. */
import type { UploadedFile } from '../media/media.ts'
import { readWireMedia } from '../media/wire-media.ts'
import { ulidFloor } from '../runtime/ids.ts'
import type { Reader } from '../storage/database.ts'
import type { WireMessage } from '../whatsapp/wire.ts'
import { findMessage, type MessageRow } from './message-repository.ts'

export interface Begun extends MessageRow {
  /** Under which its media is kept; null without. */
  mediaId: string | null
}

/** Null: nothing was handed to WhatsApp under this id. */
export const findBegun = async (reader: Reader, instanceId: string, messageId: string): Promise<Begun | null> => {
  const row = await findMessage(reader, instanceId, messageId)
  if (row === null || !row.fromMe) return null
  const media = await reader
    .selectFrom('media')
    .select('id')
    .where('instance_id', '=', instanceId)
    .where('message_id', '=', messageId)
    .executeTakeFirst()
  return { ...row, mediaId: media?.id ?? null }
}

/**
 * What the first attempt uploaded, as far as an answer names it. A repetition neither fetches its source again, which may be gone by now, nor
 * uploads anything: it goes by the message that is written down.
 */
export const attachedBefore = (message: WireMessage): UploadedFile => {
  const media = readWireMedia(message)
  const { url = null, directPath = null, mediaKey, fileSha256, fileEncSha256 } = media?.reference ?? {}
  return {
    upload: {
      url: url ?? '',
      directPath: directPath ?? '',
      ...(mediaKey ? { mediaKey } : {}),
      fileSha256: fileSha256 ?? new Uint8Array(),
      ...(fileEncSha256 ? { fileEncSha256 } : {}),
      fileLength: media?.fileSize ?? 0,
    },
    mimeType: media?.mimeType ?? '',
    fileName: media?.fileName ?? null,
    size: media?.fileSize ?? 0,
    width: media?.width ?? null,
    height: media?.height ?? null,
    seconds: media?.seconds ?? null,
    thumbnail: null,
    waveform: null,
    animated: media?.isAnimated ?? false,
    gif: false,
  }
}

/** WhatsApp said that it has it. Of any other nobody knows, and it is handed over again: who has its id already shows it once. */
export const hasLeft = ({ status }: Begun): boolean => status !== 'pending' && status !== 'failed'

/** Steps along the events of the instance since the message was written. */
export const isAnnounced = async (
  reader: Reader,
  instanceId: string,
  lane: string,
  { messageId, sentAt }: Pick<Begun, 'messageId' | 'sentAt'>,
): Promise<boolean> => {
  const found = await reader
    .selectFrom('events')
    .select('id')
    .where('instance_id', '=', instanceId)
    .where('id', '>=', ulidFloor(sentAt - CLOCKS_DIFFER_MS))
    .where('lane', '=', lane)
    .where('name', '=', 'message.exchange')
    .where('data', 'like', `%"id":"${messageId}"%`)
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

/** WhatsApp's clock and ours. */
const CLOCKS_DIFFER_MS = 60_000
