/** The media a WhatsApp message carries, read from its protobuf. Pure. */
import { openEnvelopes } from '../whatsapp/envelopes.ts'
import type { MediaReference } from '../whatsapp/media.ts'
import type { WireMessage } from '../whatsapp/wire.ts'

/** What an event tells of media, and what is needed to download it. */
export interface WireMedia {
  /** The event's `message.type`, also the kind of key and of upload. */
  type: 'image' | 'video' | 'audio' | 'document' | 'sticker'
  mimeType: string
  fileName: string | null
  /** Bytes, as the sender says; null when not said. */
  fileSize: number | null
  caption: string | null
  isVoiceNote: boolean
  /** A round video note. */
  isVideoNote: boolean
  /** A sticker with several pictures, or a film that is shown like one. */
  isAnimated: boolean
  /** Can be opened once. */
  isViewOnce: boolean
  seconds: number | null
  width: number | null
  height: number | null
  /** Null when the message names no place to download from (e.g. a message of another device that is still uploading). */
  reference: MediaReference | null
}

/** Null: the message carries no media. Envelopes are opened. */
export const readWireMedia = (message: WireMessage): WireMedia | null => {
  const { message: content, viewOnce } = openEnvelopes(message)
  const media = readContent(headerOf(content) ?? content)
  return media !== null && viewOnce ? { ...media, isViewOnce: true } : media
}

/** Messages with buttons carry theirs above the text. */
const headerOf = ({ interactiveMessage, buttonsMessage, templateMessage }: WireMessage): Header | null | undefined =>
  interactiveMessage?.header ??
  buttonsMessage ??
  templateMessage?.interactiveMessageTemplate?.header ??
  templateMessage?.hydratedTemplate ??
  templateMessage?.hydratedFourRowTemplate

type Header = Pick<WireMessage, 'imageMessage' | 'videoMessage' | 'documentMessage'>

const readContent = (content: WireMessage): WireMedia | null => {
  const { imageMessage: image, audioMessage: audio, documentMessage: document, stickerMessage: sticker } = content
  const video = content.videoMessage ?? content.ptvMessage
  if (image) return { ...common('image', image, 'image/jpeg'), caption: textOf(image.caption), ...pixelsOf(image) }
  if (video) {
    return {
      ...common('video', video, 'video/mp4'),
      caption: textOf(video.caption),
      seconds: video.seconds ?? null,
      isVideoNote: Boolean(content.ptvMessage),
      isAnimated: video.gifPlayback ?? false,
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
  if (!sticker) return null
  return {
    ...common('sticker', sticker, 'image/webp'),
    isAnimated: (sticker.isAnimated || sticker.isLottie) ?? false,
    ...pixelsOf(sticker),
  }
}

/** The event's `media.type`: voice and video notes have words of their own. */
export const toldType = ({ type, isVoiceNote, isVideoNote }: WireMedia): string => (isVoiceNote ? 'ptt' : isVideoNote ? 'ptv' : type)

/**
 * The event's `message.media` (decisions.md §3). `blob` is for the events themselves, which put the bytes in where a receiver wants them;
 * no receiver sees it. `kept`: null when nobody will ever have the bytes.
 */
export const eventMedia = (media: WireMedia, kept: { blob: string; s3Url: string | null } | null): Record<string, unknown> => ({
  type: toldType(media),
  mimetype: media.mimeType,
  mimeType: media.mimeType,
  fileName: media.fileName,
  fileSize: media.fileSize,
  caption: media.caption,
  isVoiceNote: media.isVoiceNote,
  isAnimated: media.isAnimated,
  isViewOnce: media.isViewOnce,
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
  viewOnce?: boolean | null
}

const common = (type: WireMedia['type'], carrier: Carrier, mimeType: string): WireMedia => ({
  type,
  mimeType: textOf(carrier.mimetype) ?? mimeType,
  fileName: null,
  fileSize: numberOf(carrier.fileLength),
  caption: null,
  isVoiceNote: false,
  isVideoNote: false,
  isAnimated: false,
  isViewOnce: carrier.viewOnce ?? false,
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
