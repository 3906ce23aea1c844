/** Media of a session: up and down through its routes, a file at a time, never one in memory. */
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type BaileysEventMap, decryptMediaRetryData, encryptMediaRetryRequest, type MediaType, proto, type WASocket } from 'baileys'
import { uploadWithNodeHttp } from 'baileys/lib/Utils/messages-media.js'
import { z } from 'zod'
import { createBoundedMap } from '../../../runtime/bounded-map.ts'
import { EngineError, type MessageKey } from '../../engine.ts'
import type { MediaKind, MediaReference, MediaSession, UploadedMedia } from '../../media.ts'
import { receiptTargetOf } from './addresses.ts'
import { decryptFile, encryptFile, hashFile, keysFor, writePlain } from './media-cipher.ts'
import type { Routes } from './proxy.ts'

interface Collaborators {
  /** Both throw {@link EngineError} when the session is not open. */
  socket(): WASocket
  routes(): Routes
  /** Runs a call of the library; rejects when the session ends meanwhile. */
  ask<T>(call: () => Promise<T>): Promise<T>
  /** Host with port of a simulated network; null: WhatsApp. */
  mediaHost: string | null
}

/** Without a byte moving. */
const IDLE_TIMEOUT_MS = 60_000
/** How long a phone may take to upload something again. */
const PHONE_TIMEOUT_MS = 60_000
const DEFAULT_HOST = 'mmg.whatsapp.net'
/** What WhatsApp's web client says; the media host wants to hear it. */
const ORIGIN = 'https://web.whatsapp.com'

const uploaded = z.object({ url: z.string(), direct_path: z.string(), handle: z.string().nullish() })

const uploadTypes: Record<MediaKind, MediaType> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
  document: 'document',
  sticker: 'sticker',
}

/** Posts carry the name of their file, so it is kept for the moment between upload and post. */
const REMEMBERED_HANDLES = 100

export interface MediaSide extends MediaSession {
  /** What the media host called the file at this place, of one that was uploaded for a channel; null when it is not known. */
  handleOf(directPath: string): string | null
}

export const createMediaSession = ({ socket, routes, ask, mediaHost }: Collaborators): MediaSide => {
  const handles = createBoundedMap<string, string>(REMEMBERED_HANDLES)

  const upload = async (path: string, kind: MediaKind, hash: Uint8Array): Promise<{ url: string; directPath: string }> => {
    const connected = socket()
    const { mediaUrl, directPath } = await ask(() =>
      connected.waUploadToServer(path, {
        mediaType: uploadTypes[kind],
        fileEncSha256B64: Buffer.from(hash).toString('base64'),
        timeoutMs: IDLE_TIMEOUT_MS,
      }),
    )
    if (!mediaUrl || !directPath) throw new EngineError('rejected', 'WhatsApp did not say where the media is')
    return { url: mediaUrl, directPath }
  }

  /**
   * Files of channels have a place of their own, and a name there which the post has to give (whatsmeow's `UploadNewsletter`). Baileys puts them
   * beside those of chats and keeps the name to itself.
   */
  const uploadOpen = async (path: string, kind: MediaKind, hash: Uint8Array): Promise<{ url: string; directPath: string }> => {
    const connected = socket()
    const token = Buffer.from(hash).toString('base64url')
    const headers = { 'Content-Type': 'application/octet-stream', Origin: ORIGIN }
    // What lets us in lives for a while only.
    for (const anew of [false, true]) {
      const { hosts, auth } = await ask(() => connected.refreshMediaConn(anew))
      for (const { hostname } of hosts) {
        const url = `https://${hostname}/newsletter/newsletter-${kind === 'sticker' ? 'image' : kind}/${token}?${new URLSearchParams({ auth, token })}`
        const upload = { url, filePath: path, headers, timeoutMs: IDLE_TIMEOUT_MS, agent: routes().upload }
        const { data: place } = uploaded.safeParse(await uploadWithNodeHttp(upload).catch(() => undefined))
        if (place === undefined) continue
        if (place.handle) handles.set(place.direct_path, place.handle)
        return { url: place.url, directPath: place.direct_path }
      }
    }
    throw new EngineError('rejected', 'the media could not be uploaded')
  }

  return {
    handleOf: (directPath) => handles.get(directPath) ?? null,

    async uploadMedia({ path, kind, encrypted = true, signal }): Promise<UploadedMedia> {
      signal?.throwIfAborted()
      if (!encrypted) {
        const { fileSha256, fileLength } = await hashFile(path)
        return { ...(await uploadOpen(path, kind, fileSha256)), fileSha256, fileLength }
      }
      const sealed = `${path}.enc`
      try {
        const { mediaKey, fileSha256, fileEncSha256, fileLength } = await encryptFile(path, sealed, kind)
        signal?.throwIfAborted()
        const place = await upload(sealed, kind, fileEncSha256)
        return { ...place, mediaKey, mediaKeyTimestamp: Math.floor(Date.now() / 1000), fileSha256, fileEncSha256, fileLength }
      } finally {
        await rm(sealed, { force: true })
      }
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
