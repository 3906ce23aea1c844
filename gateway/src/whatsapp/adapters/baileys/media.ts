/** Media of a session: up and down through its routes, a file at a time, never a large one in memory. */
import { open, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type BaileysEventMap, type BinaryNode, decryptMediaRetryData, encryptMediaRetryRequest, proto, type WASocket } from 'baileys'
import { createBoundedMap } from '../../../runtime/bounded-map.ts'
import { EngineError, type MessageKey } from '../../engine.ts'
import type { MediaKind, MediaReference, MediaSession } from '../../media.ts'
import { receiptTargetOf } from './addresses.ts'
import { decryptFile, encryptBytes, encryptFile, hashFile, keysFor, writePlain } from './media-cipher.ts'
import { createMediaHosts } from './media-hosts.ts'
import { ORIGIN, type Place, type UploadBody, upload } from './media-upload.ts'
import type { Routes } from './proxy.ts'

interface Collaborators {
  /** Both throw {@link EngineError} when the session is not open. */
  socket(): WASocket
  routes(): Routes
  /** Runs a call of the library; rejects when the session ends meanwhile. */
  ask<T>(call: () => Promise<T>): Promise<T>
  request(node: BinaryNode): Promise<BinaryNode>
  /** Host with port of a simulated network; null: WhatsApp. */
  mediaHost: string | null
}

/** How long a phone may take to upload something again. */
const PHONE_TIMEOUT_MS = 60_000
const DEFAULT_HOST = 'mmg.whatsapp.net'
/** A file up to here is held while it is encrypted and goes out: a stream of it costs more than the bytes. */
const WHOLE = 512 * 1024

/** Where the hosts take which kind. */
const folders: Record<MediaKind, string> = {
  image: '/mms/image',
  video: '/mms/video',
  audio: '/mms/audio',
  document: '/mms/document',
  sticker: '/mms/image',
}

/** Posts carry the name of their file, so it is kept for the moment between upload and post. */
const REMEMBERED_HANDLES = 100

export interface MediaSide extends MediaSession {
  /** What the media host called the file at this place, of one that was uploaded for a channel; null when it is not known. */
  handleOf(directPath: string): string | null
}

export const createMediaSession = ({ socket, routes, ask, request, mediaHost }: Collaborators): MediaSide => {
  const handles = createBoundedMap<string, string>(REMEMBERED_HANDLES)
  const named = createMediaHosts(request)
  // Where the network was said to be comes first.
  const hosts = async (anew?: boolean) => {
    const { hostnames, auth } = await named(anew)
    return { hostnames: mediaHost === null ? hostnames : [mediaHost, ...hostnames], auth }
  }

  const uploadTo = async (folder: string, body: UploadBody, hash: Uint8Array, signal: AbortSignal | undefined): Promise<Place> => {
    const { upload: agent } = routes()
    try {
      return await ask(() => upload(body, folder, hash, { hosts, agent, signal }))
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  }

  /** Files of channels have a folder of their own, and a name there which the post has to give (whatsmeow's `UploadNewsletter`). */
  const uploadOpen: MediaSession['uploadMedia'] = async ({ path, kind, signal }) => {
    const { fileSha256, fileLength } = await hashFile(path)
    const folder = `/newsletter/newsletter-${kind === 'sticker' ? 'image' : kind}`
    const { handle, ...place } = await uploadTo(folder, { path, size: fileLength }, fileSha256, signal)
    if (handle !== null) handles.set(place.directPath, handle)
    return { ...place, fileSha256, fileLength }
  }

  const uploadSealed: MediaSession['uploadMedia'] = async ({ path, kind, held, signal }) => {
    const small = held ?? (await readIfSmall(path))
    const sealedPath = `${path}.enc`
    try {
      const { sealed, ...about } = small === null ? await encryptFile(path, sealedPath, kind) : encryptBytes(small, kind)
      const { url, directPath } = await uploadTo(folders[kind], sealed, about.fileEncSha256, signal)
      return { url, directPath, ...about, mediaKeyTimestamp: Math.floor(Date.now() / 1000) }
    } finally {
      if (small === null) await rm(sealedPath, { force: true })
    }
  }

  return {
    handleOf: (directPath) => handles.get(directPath) ?? null,

    async uploadMedia(file) {
      file.signal?.throwIfAborted()
      return file.encrypted === false ? uploadOpen(file) : uploadSealed(file)
    },

    async downloadMedia(media, { path, maxBytes, signal }) {
      if (media.fileLength !== null && media.fileLength > maxBytes) throw new EngineError('too-large', `larger than ${maxBytes} bytes`)
      // The library wants a session for everything else; here it only says which way goes out.
      socket()
      const body = await ask(() => fetchBody(addressOf(media, mediaHost), routes(), signal))
      try {
        const keys = media.mediaKey === null ? null : keysFor(media.mediaKey, media.kind)
        const limits = { path, maxBytes, fileSha256: media.fileSha256, ...(signal === undefined ? {} : { signal }) }
        const size =
          keys === null ? await writePlain(body, limits) : await decryptFile(body, keys, { ...limits, fileEncSha256: media.fileEncSha256 })
        return { size }
      } catch (error) {
        body.destroy()
        await rm(path, { force: true })
        if (error instanceof EngineError || signal?.aborted) throw error
        throw new EngineError('timeout', 'the download broke off')
      }
    },

    async requestMediaAgain(message, media) {
      const { mediaKey } = media
      if (mediaKey === null) throw new EngineError('gone', 'only encrypted media can be uploaded again')
      const connected = socket()
      const request = encryptMediaRetryRequest(keyOf(message), mediaKey, connected.user?.id ?? '')
      const update = await ask(() => answerTo(connected, message.id, () => connected.sendNode(request)))
      if (update.error !== undefined || update.media === undefined) throw new EngineError('gone', 'the phone does not have it any more')
      const answer = decryptMediaRetryData(update.media, mediaKey, message.id)
      if (answer.result !== proto.MediaRetryNotification.ResultType.SUCCESS || !answer.directPath) {
        throw new EngineError('gone', 'the phone does not have it any more')
      }
      return { ...media, directPath: answer.directPath, url: null }
    },
  }
}

/** Null: too large to be held. */
const readIfSmall = async (path: string): Promise<Buffer | null> => {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    return size > WHOLE ? null : await file.readFile()
  } finally {
    await file.close()
  }
}

/** Where a message says its media is. Another host than WhatsApp's is not asked, whoever names it. */
export const addressOf = ({ url, directPath }: Pick<MediaReference, 'url' | 'directPath'>, mediaHost: string | null): string => {
  const named = url === null ? null : URL.parse(url)
  const trusted = named !== null && named.protocol === 'https:' && (isWhatsApp(named.hostname) || named.host === mediaHost)
  const host = trusted ? named.host : (mediaHost ?? DEFAULT_HOST)
  const address = directPath === null ? (trusted ? named : null) : URL.parse(directPath, `https://${host}`)
  if (address === null || address.host !== host) throw new EngineError('gone', 'the message names no place to download from')
  return address.href
}

const isWhatsApp = (hostname: string): boolean => hostname === 'whatsapp.net' || hostname.endsWith('.whatsapp.net')

/** Throws {@link EngineError}. */
export const fetchBody = async (url: string, { download }: Routes, signal: AbortSignal | undefined): Promise<Readable> => {
  const options: RequestInit = { headers: { origin: ORIGIN }, redirect: 'manual', ...(signal === undefined ? {} : { signal }) }
  // `dispatcher` is Node's own extension of fetch.
  const answer = await fetch(url, { ...options, dispatcher: download } as RequestInit)
  if (answer.status === 200 && answer.body !== null) return Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0])
  await answer.body?.cancel()
  const code = [403, 404, 410].includes(answer.status) ? 'gone' : 'rejected'
  throw new EngineError(code, `the media host answered ${answer.status}`, answer.status)
}

const keyOf = ({ id, chat, sender, fromMe }: MessageKey) => {
  const remoteJid = receiptTargetOf(chat) ?? ''
  const withAuthor = remoteJid.endsWith('@g.us') || remoteJid.endsWith('@broadcast')
  return { id, remoteJid, fromMe, ...(withAuthor ? { participant: receiptTargetOf(sender) ?? '' } : {}) }
}

type MediaUpdate = BaileysEventMap['messages.media-update'][number]

const answerTo = ({ ev }: WASocket, id: string, ask: () => Promise<void>): Promise<MediaUpdate> =>
  new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      clearTimeout(timer)
      ev.off('messages.media-update', heard)
      done()
    }
    const heard = (updates: MediaUpdate[]): void => {
      const update = updates.find(({ key }) => key.id === id)
      if (update !== undefined) settle(() => resolve(update))
    }
    const timer = setTimeout(() => settle(() => reject(new EngineError('timeout', 'the phone does not answer'))), PHONE_TIMEOUT_MS)
    ev.on('messages.media-update', heard)
    ask().catch((error: unknown) => settle(() => reject(error)))
  })
