/** Who plays in the stories about media: an instance whose events go out in three ways, a friend, and a group of both. */
import { expect } from 'vitest'
import { at, type Json } from './json.ts'
import type { Line } from './line.ts'
import type { Receiver } from './receiver.ts'
import type { Phone } from './simulator.ts'
import { openSocket, type Socket } from './socket.ts'
import type { Stage } from './stage.ts'

export type Body = { [key: string]: Json }

export interface MediaCast {
  line: Line
  friend: Phone
  /** Line and friend are in it. */
  group: string
  /** A webhook that gets media with its bytes, one that gets it without, and a socket with them. */
  listeners: readonly [full: Receiver, plain: Receiver, socket: Socket]
  /** Waits for the event everywhere; it is this, but for the bytes, which are there or not as each listener wants them. */
  told(id: string, bytes: Buffer | null, data: object): Promise<void>
}

/** Instance `media`. Close the socket at the end. */
export const mediaCast = async (stage: Stage): Promise<MediaCast> => {
  const [full, plain] = [await stage.receiver(), await stage.receiver()]
  const friend = await stage.phone({ name: 'Bea' })
  const line = await stage.line('media', { websocketEnabled: true, websocketEvents: ['message.exchange'], websocketMediaBase64: true })
  const webhooks = [
    { label: 'full', url: full.url, mediaBase64: true },
    { label: 'plain', url: plain.url, mediaBase64: false },
  ]
  for (const webhook of webhooks)
    await line.api.post('/api/events/webhook/media', { enabled: true, events: ['message.exchange'], ...webhook })
  const group = await stage.simulator.group({ by: friend, subject: 'Media', participants: [line.phone] })
  const socket = await openSocket(stage.gateway.url, 'media', line.token)
  return {
    line,
    friend,
    group,
    listeners: [full, plain, socket],
    async told(id, bytes, data) {
      const base64 = bytes?.toString('base64') ?? null
      for (const listener of [full, socket]) expect(at(await listener.next({ data: { id } }), 'data')).toEqual(withMedia(data, base64))
      expect(at(await plain.next({ data: { id } }), 'data')).toEqual(withMedia(data, null))
    },
  }
}

/** The expectation with its media carrying these bytes. */
const withMedia = (data: object, base64: string | null): object => {
  const { message } = data as { message: { media: object | null } }
  return { ...data, message: { ...message, media: message.media === null ? null : { ...message.media, base64 } } }
}

/** `message.media` that says no more than that. */
export const mediaOf = (type: string, mimeType: string, size: number, more: Body = {}) => ({
  type,
  mimetype: mimeType,
  mimeType,
  fileName: null,
  fileSize: size,
  caption: null,
  isVoiceNote: false,
  isAnimated: false,
  isViewOnce: false,
  seconds: null,
  width: null,
  height: null,
  url: expect.stringMatching(/^https:\/\//),
  s3Url: null,
  ...more,
})

/** `message` of a `message.exchange` that says no more than that. */
export const plainly = (type: string, content: string, media: object | null, more: Body = {}) => ({
  type,
  content,
  source: '',
  isForwarded: false,
  isEdit: false,
  edit: null,
  context: null,
  location: null,
  contact: null,
  reaction: null,
  poll: null,
  event: null,
  interactive: null,
  ...more,
  media,
})
