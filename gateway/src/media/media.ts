/**
 * Media for every kind of message: bringing in what a caller sends, converting it to what WhatsApp shows, uploading it, and keeping what
 * people send us. Files stay on disk the whole way; nothing here holds a large one in memory.
 *
 *   out:  source ──fetch──▶ file in DATA_DIR/tmp ──convert──▶ file ──upload──▶ fields of the message, and the file is kept under its id
 *   in:   message ──note, in the recorder's transaction──▶ worker ──download, decrypt, check──▶ folder ──▶ the instance's bucket
 *
 * A kind of message calls `attach` and builds its protobuf from the answer; the pipeline calls `note` and `keep`; events and
 * `GET /api/chat/base64` call `find` and `open`.
 */
import type { Readable } from 'node:stream'
import type { LongValue } from '../http/long-value.ts'
import type { Operation } from '../http/operation.ts'
import type { Writer } from '../storage/database.ts'
import type { MediaSession, UploadedMedia } from '../whatsapp/media.ts'
import type { Buckets } from './buckets.ts'
import type { MediaFile } from './media-file.ts'
import type { Wanted } from './wanted.ts'
import type { WireMedia } from './wire-media.ts'

export type { MediaFile } from './media-file.ts'
export type { Wanted } from './wanted.ts'

/**
 * Where a caller's media comes from; exactly one of the two. `url` may be `http(s)://…`, a `data:` URL or bare base64 (the contract
 * allows all three in `mediaUrl`); `base64` may carry a `data:` prefix. A value that was too long to hold, or an uploaded file, is a
 * {@link LongValue} in either: declare the operation with `longValues`, the field with `longText()`, and hand over what the body says.
 */
export interface MediaSource {
  url?: string | LongValue | null
  base64?: string | LongValue | null
  /** As the caller names it; null: found out from the content. */
  mimeType?: string | null
  /** As the caller names it; null: taken from `Content-Disposition` or the URL's path, where there is one. */
  fileName?: string | null
}

/** Media that has been uploaded: everything the protobuf of its kind needs. */
export interface UploadedFile {
  /** Goes into the message as it is: `url`, `directPath`, `mediaKey`, `mediaKeyTimestamp`, `fileSha256`, `fileEncSha256`, `fileLength`. */
  upload: UploadedMedia
  /** As WhatsApp wants to hear it, e.g. `audio/ogg; codecs=opus`. */
  mimeType: string
  fileName: string | null
  /** Bytes, after conversion. */
  size: number
  /** Pixels; null for audio and documents, and where it cannot be found out. */
  width: number | null
  height: number | null
  /** Whole seconds; null where it cannot be found out. */
  seconds: number | null
  /** Small JPEG; null for audio, stickers, most documents, and where none can be made. */
  thumbnail: Uint8Array | null
  /** Voice notes: 64 values from 0 to 100; null without ffmpeg. */
  waveform: Uint8Array | null
  /** Stickers with more than one picture. */
  animated: boolean
  /** Video made from an animated picture, to be shown as such (`gifPlayback`). */
  gif: boolean
}

export interface Attached extends UploadedFile {
  /** The name the message's media will have with us; goes into {@link NewMedia}. */
  id: string
  /** The converted file. Whoever attached it hands it to `keep`, or discards it when the message did not leave. */
  file: MediaFile
}

/** What the recorder and the sender note about a message with media, in the transaction that stores the message. */
export interface NewMedia {
  id: string
  instanceId: string
  messageId: string
  /** Canonical JIDs: where WhatsApp is asked to upload again, the message has to be named. */
  chat: string
  sender: string
  fromMe: boolean
  media: WireMedia
  /** `keep` is called with the file after the commit. */
  fileFollows?: boolean
}

/** A message's media as far as it has come. `pending`: on its way. `lost`: neither WhatsApp nor the phone has it any more. */
export interface StoredMedia {
  id: string
  messageId: string
  state: 'pending' | 'stored' | 'lost'
  /** `image`, `video`, `audio`, `document`, `sticker`. */
  type: WireMedia['type']
  mimeType: string
  fileName: string | null
  /** Bytes. */
  size: number | null
  /** Set once it is in the instance's bucket. */
  s3Url: string | null
}

/** Bytes that can be read more than once. */
export interface OpenMedia {
  /** Bytes. */
  size: number
  /** From the beginning, with each call. Fails when the bytes cannot be read. */
  stream(): Readable
}

export interface Media {
  readonly operations: readonly Operation[]
  /**
   * Fetches, converts and uploads. Throws the documented 400s (`Provide exactly one of mediaUrl or mediaBase64`, `Failed to download
   * media: <reason>`, `Failed to process media: <reason>`, `Media must be at most 100 MB`) and what the session throws while uploading.
   * Take care to `discard` the file or to `keep` it.
   */
  attach(source: MediaSource, wanted: Wanted, by: Attaching): Promise<Attached>
  /** The first third of `attach`, for what is no message (pictures of profiles and groups). Same errors. The caller discards the file. */
  bring(source: MediaSource, options?: { signal?: AbortSignal }): Promise<MediaFile>
  /** A JPEG of at most 640 × 640 and its preview of 96 × 96, cut to a square, as WhatsApp wants profile pictures. Throws 400. */
  profilePicture(source: MediaSource): Promise<{ full: Uint8Array; preview: Uint8Array }>

  /** A new id for {@link NewMedia}; what arrives gets one before it is noted, since its event names it as `message.media.blob`. */
  newId(): string
  /** Tells where media will be found in the instance's bucket once it is there, for events; null: the instance has no bucket. */
  s3Urls(instanceId: string): Promise<((media: { id: string; media: Pick<WireMedia, 'mimeType' | 'fileName'> }) => string) | null>
  /** Notes media in the transaction that stores its message. From its commit on it is downloaded, however often we are restarted. */
  note(tx: Writer, media: readonly NewMedia[]): Promise<void>
  /** After that commit: there is something to do. */
  wake(): void
  /** After that commit, for media we sent: the bytes are here already. Takes the file over. Never throws: else they are downloaded. */
  keep(instanceId: string, attached: Pick<Attached, 'id' | 'file' | 'upload'>): Promise<void>

  /** The media of a message; null when it has none that we know of. */
  find(instanceId: string, messageId: string): Promise<StoredMedia | null>
  /**
   * The bytes. Media that is still on its way is waited for, at most until it is 20 seconds old, so that an event can carry it. Null: there
   * is none of this id, or not (any longer) here.
   */
  open(instanceId: string, id: string): Promise<OpenMedia | null>
  /** Resolves when it is stored (in the bucket, where there is one) or given up, or is 20 seconds old. For events with `s3Url`. */
  settled(instanceId: string, id: string): Promise<void>
  /** Deletes what a message (or, without ids, all of a chat) has here; never what is in the bucket. */
  remove(instanceId: string, chat: string, messageIds?: readonly string[]): Promise<void>

  /** To be called when a session opens: what waits for it is due. */
  connected(instanceId: string): void
  instanceDeleted(instanceId: string): void
  /** For the operations of instances: the bucket's configuration was changed, can it be used, what did it say last. */
  readonly buckets: Pick<Buckets, 'verify' | 'trouble'> & { changed(instanceId: string): Promise<void> }
  /** `ok` or `missing`; part of `/health`. */
  ffmpegState(): Promise<string>
  start(): Promise<void>
  stop(): Promise<void>
}

export interface Attaching {
  instanceId: string
  session: MediaSession
  /** Newsletters: media travels unencrypted. */
  newsletter?: boolean
  signal?: AbortSignal
}
