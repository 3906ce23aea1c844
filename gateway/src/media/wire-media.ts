/** The media a WhatsApp message carries, read from its protobuf. Pure. */
import type { MediaReference } from '../whatsapp/media.ts'
import type { WireMessage } from '../whatsapp/wire.ts'

/** What an event tells of media, and what is needed to download it. */
export interface WireMedia {
  /** The event's `media.type`, also the kind of key and of upload. */
  type: 'image' | 'video' | 'audio' | 'document' | 'sticker'
  mimeType: string
  fileName: string | null
  /** Bytes, as the sender says; null when not said. */
  fileSize: number | null
  caption: string | null
  isVoiceNote: boolean
  /** A round video note. */
  isVideoNote: boolean
  seconds: number | null
  width: number | null
  height: number | null
  /** Null when the message names no place to download from (e.g. a message of another device that is still uploading). */
  reference: MediaReference | null
}

/** Null: the message carries no media. Reads through the envelopes that wrap a document with caption and an animated sticker. */
export const readWireMedia = (message: WireMessage): WireMedia | null => {
  const inner = message.documentWithCaptionMessage?.message ?? message.lottieStickerMessage?.message ?? message
  const { imageMessage: image, audioMessage: audio, documentMessage: document, stickerMessage: sticker } = inner
  const video = inner.videoMessage ?? inner.ptvMessage
  if (image) return { ...common('image', image, 'image/jpeg'), caption: textOf(image.caption), ...pixelsOf(image) }
  if (video) {
    return {
      ...common('video', video, 'video/mp4'),
      caption: textOf(video.caption),
      seconds: video.seconds ?? null,
      isVideoNote: Boolean(inner.ptvMessage),
      ...pixelsOf(video),
    }
  }
  if (audio) {
    return { ...common('audio', audio, 'audio/ogg; codecs=opus'), isVoiceNote: audio.ptt ?? false, seconds: audio.seconds ?? null }
  }
  if (document) {
    const fileName = textOf(document.fileName) ?? textOf(document.title)
    return { ...common('document', document, 'application/octet-stream'), fileName, caption: textOf(document.caption) }
  }
  if (sticker) return { ...common('sticker', sticker, 'image/webp'), ...pixelsOf(sticker) }
  return null
}

/**
 * The event's `message.media` (decisions.md §3). `blob` is for the events themselves, which put the bytes in where a receiver wants them;
 * no receiver sees it. `kept`: null when nobody will ever have the bytes.
 */
export const eventMedia = (media: WireMedia, kept: { blob: string; s3Url: string | null } | null): Record<string, unknown> => ({
  type: media.isVoiceNote ? 'ptt' : media.isVideoNote ? 'ptv' : media.type,
  mimetype: media.mimeType,
  mimeType: media.mimeType,
  fileName: media.fileName,
  fileSize: media.fileSize,
  caption: media.caption,
  isVoiceNote: media.isVoiceNote,
  seconds: media.seconds,
  width: media.width,
  height: media.height,
  url: media.reference?.url ?? null,
  s3Url: kept?.s3Url ?? null,
  base64: null,
  ...(kept === null ? {} : { blob: kept.blob }),
})

/** The fields all kinds of media share in WAProto. */
interface Carrier {
  url?: string | null
  directPath?: string | null
  mediaKey?: Uint8Array | null
  fileSha256?: Uint8Array | null
  fileEncSha256?: Uint8Array | null
  fileLength?: number | { toNumber(): number } | null
  mimetype?: string | null
}

const common = (type: WireMedia['type'], carrier: Carrier, mimeType: string): WireMedia => ({
  type,
  mimeType: textOf(carrier.mimetype) ?? mimeType,
  fileName: null,
  fileSize: numberOf(carrier.fileLength),
  caption: null,
  isVoiceNote: false,
  isVideoNote: false,
  seconds: null,
  width: null,
  height: null,
  reference: referenceOf(type, carrier),
})

const referenceOf = (kind: WireMedia['type'], carrier: Carrier): MediaReference | null => {
  const url = textOf(carrier.url)
  const directPath = textOf(carrier.directPath)
  if (url === null && directPath === null) return null
  return {
    kind,
    url,
    directPath,
    mediaKey: bytesOf(carrier.mediaKey),
    fileSha256: bytesOf(carrier.fileSha256),
    fileEncSha256: bytesOf(carrier.fileEncSha256),
    fileLength: numberOf(carrier.fileLength),
  }
}

const pixelsOf = ({ width, height }: { width?: number | null; height?: number | null }) => ({
  width: width || null,
  height: height || null,
})

const textOf = (text: string | null | undefined): string | null => text || null

const bytesOf = (bytes: Uint8Array | null | undefined): Uint8Array | null => (bytes?.length ? bytes : null)

const numberOf = (value: Carrier['fileLength']): number | null => {
  if (value === null || value === undefined) return null
  const number = typeof value === 'number' ? value : value.toNumber()
  return Number.isSafeInteger(number) && number >= 0 ? number : null
}
